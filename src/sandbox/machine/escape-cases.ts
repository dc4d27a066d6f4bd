/**
 * The escape matrix: what a hostile program tries, and how it is refused. An attempt is a line for probe.c. Each is made
 * inside an instance's units, where it has to fail as `inside` says, and by root outside of any sandbox, where it has to
 * come out as `outside` says: a probe that fails everywhere proves nothing.
 *
 * `$A` is the instance's HOME, `$PID` a process of the same user outside, `$TOOL` a set-user-id copy of the probe.
 */
export interface Case {
  readonly area: string;
  readonly what: string;
  readonly attempt: string;
  /** Names of errors, with `|` between those that kernels differ in; a signal that kills is an answer too. */
  readonly inside: string;
  readonly outside: string;
}

type Row = readonly [what: string, attempt: string, inside: string, outside?: string];

const GONE = "ENOENT";
/** What probe says of a call that reached the kernel, and was only found to have bad arguments. */
const REACHED = "EINVAL|EFAULT|ENOEXEC|E2BIG|EBADF|ENOENT|ENOTBLK";
/** A family that this kernel may not have. */
const IF_KNOWN = "done|EAFNOSUPPORT|EPROTONOSUPPORT|ESOCKTNOSUPPORT|EINVAL";
const NO_FAMILY = "EAFNOSUPPORT";
const STATE = "/var/lib/opencode/instance-state";
/** Where the links in every instance's /etc lead to. */
const SHARED = "/run/opencode-supervisor/host/etc";
/** How a refused connection ends: rejected by the table, denied by the unit's own filter, or never answered. */
const REFUSED = "ECONNREFUSED|EPERM|EACCES|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT";

const FILES: readonly Row[] = [
  ["the host's passwords", "read /etc/shadow", GONE],
  ["the instance file", "read /etc/opencode/instances.json", GONE],
  ["the supervisor's state", "list /var/lib/opencode-supervisor/passwords", GONE],
  ["its own credentials file", "read /run/opencode-supervisor/credentials/a.env", GONE],
  ["the supervisor's runtime directory", "list /run/opencode-supervisor/started", GONE],
  ["a home", "read /home/u/.ssh/id", GONE],
  ["root's home", "read /root/.secret", "ENOENT|EACCES"],
  ["what lies beside the project", "list /srv/other", GONE],
  ["/var/log", "list /var/log", GONE],
  ["files of others in /tmp", "read /tmp/theirs", GONE],
  ["files of others in /dev/shm", "read /dev/shm/theirs", GONE],
  ["a file of /usr", "create /usr/bin/planted", "EROFS"],
  ["a file in /etc", "create /etc/planted", "EROFS|EACCES"],
  ["a file in the root", "create /planted", "EROFS|EACCES"],
  ["the accounts", "write /etc/passwd", "EROFS|EACCES"],
  ["other accounts in place of its own", "rename /etc/passwd /etc/moved", "EROFS|EACCES"],
  ["its groups", "write /etc/group", "EROFS|EACCES"],
  ["a file of the host's, through its link", "write /etc/hosts", "EROFS|EACCES"],
  ["the host's files that all instances see", `write ${SHARED}/hosts`, "EROFS|EACCES"],
  ["a file beside those", `create ${SHARED}/planted`, "EROFS|EACCES"],
  ["another in place of one", `rename ${SHARED}/hosts ${SHARED}/moved`, "EROFS|EACCES"],
  ["a unit of systemd's", "create /run/systemd/system/planted", GONE],
  ["its config, through the link", "write $A/.config/opencode/opencode.json", "EACCES|EROFS"],
  ["a hard link to the host's accounts", "link /etc/passwd /srv/a/passwd", "EXDEV|EPERM|EACCES"],
  ["a set-user-id file", "suid /srv/a/suid", "EPERM"],
  ["a file given away", "chown /srv/a/given 0", "EPERM|EINVAL|EACCES"],
  ["a device node for the memory", "mknod /srv/a/mem c 1 1", "EPERM", "done|ENXIO|EPERM"],
  ["a device node for a null of its own", "mknod /srv/a/null c 1 3", "EPERM"],
  ["a file by its handle", "syscall open_by_handle_at -100 & 0", "EPERM", REACHED],
];

/** Main alone: setup is who writes the config. */
const FILES_OF_MAIN: readonly Row[] = [
  ["a file in its config directory", "create $A/.config/opencode/planted", "EROFS"],
  ["another directory in place of its config", "rename $A/.config $A/moved", "EBUSY"],
];

const KERNEL_FILES: readonly Row[] = [
  ["the kernel's log", "read /dev/kmsg", GONE, "EINVAL"],
  ["the kernel's memory", "read /proc/kcore", "ENOENT|EACCES|EPERM", "done|EPERM|ENOENT"],
  ["the kernel's settings", "write /proc/sys/kernel/core_pattern", "ENOENT|EROFS|EACCES"],
  ["sysrq", "write /proc/sysrq-trigger", "ENOENT|EACCES|EROFS", "done|ENOENT"],
  ["all keys in the kernel", "read /proc/keys", GONE],
  ["the host's uptime and load", "read /proc/loadavg", GONE],
  ["the control groups", "list /sys/fs/cgroup/opencode.slice", "ENOENT|EACCES"],
  ["its own limits", "write /sys/fs/cgroup/cgroup.procs", "ENOENT|EACCES|EROFS"],
  ["a move to another control group", "write /sys/fs/cgroup/system.slice/cgroup.procs", "ENOENT|EACCES"],
  ["a network tunnel", "read /dev/net/tun", GONE, "done|ENOENT|EBADFD"],
  ["virtual machines", "read /dev/kvm", GONE, "done|ENOENT|EINVAL"],
  ["a setting in /sys", "write /sys/module/kernel/parameters/panic", "ENOENT"],
  ["the host's network interfaces", "list /sys/class/net", "ENOENT"],
  ["the host's hardware", "list /sys/devices", "ENOENT"],
];

const SOCKETS: readonly Row[] = [
  ["the system bus", "unix /run/dbus/system_bus_socket", GONE],
  ["systemd itself", "unix /run/systemd/private", GONE],
  ["systemd's readiness socket", "datagram /run/systemd/notify", GONE],
  ["the journal's native socket: forged records", "datagram /run/systemd/journal/socket", GONE],
  ["the journal's syslog socket", "datagram /run/systemd/journal/dev-log", GONE],
  ["the journal's streams: records in another's name", "unix /run/systemd/journal/stdout", GONE],
  ["/dev/log", "datagram /dev/log", GONE],
  ["users' database of systemd", "unix /run/systemd/userdb/io.systemd.DynamicUser", GONE],
  ["the supervisor's API", "unix /run/opencode-supervisor/status.sock", GONE],
  ["the nix daemon", "unix /nix/var/nix/daemon-socket/socket", GONE],
  ["a container engine", "unix /run/docker.sock", GONE],
  ["an abstract socket of the host", "unix @theirs", "EPERM"],
  ["an abstract datagram socket of the host", "datagram @theirs-datagram", "EPERM"],
  ["a descriptor passed by a process of the host", "take @theirs-passing", "EPERM"],
  ["a descriptor passed by an instance that is not isolated", "take @freer", "EPERM"],
  ["netlink: routes", "socket 16 3 0", NO_FAMILY],
  ["netlink: the kernel's audit, which the journal reads", "socket 16 3 9", NO_FAMILY, IF_KNOWN],
  ["netlink: device events, which udev reads", "socket 16 3 15", NO_FAMILY],
  ["netlink: netfilter", "socket 16 3 12", NO_FAMILY],
  ["packets below IP", "socket 17 3 768", NO_FAMILY],
  ["the hypervisor (vsock)", "socket 40 1 0", NO_FAMILY, IF_KNOWN],
  ["the kernel's ciphers (AF_ALG)", "socket 38 5 0", NO_FAMILY, IF_KNOWN],
  ["Bluetooth", "socket 31 3 1", NO_FAMILY, IF_KNOWN],
  ["XDP", "socket 44 3 0", NO_FAMILY, IF_KNOWN],
  ["CAN", "socket 29 3 1", NO_FAMILY, IF_KNOWN],
  ["TIPC", "socket 30 1 0", NO_FAMILY, IF_KNOWN],
  ["Qualcomm IPC", "socket 42 2 0", NO_FAMILY, IF_KNOWN],
  ["raw IP", "socket 2 3 255", "EPERM"],
  ["raw ICMP", "socket 2 3 1", "EPERM"],
  ["raw IPv6", "socket 10 3 255", "EPERM"],
  ["io_uring, which opens sockets past the filter", "syscall io_uring_setup 8 &", "EPERM", "done|EPERM|ENOSYS"],
  ["a system call that is newer than what the filter names", "syscall cachestat -1 & & 0", "ENOSYS", "EBADF|ENOSYS"],
  ["descriptors that it was not given", "fds", "EBADF"],
];

const PROCESSES: readonly Row[] = [
  ["a signal to a process of the same user", "syscall kill $PID 0", "ESRCH|EPERM"],
  ["a signal to a thread of it", "syscall tgkill $PID $PID 0", "ESRCH|EPERM"],
  ["a handle on it", "syscall pidfd_open $PID 0", "ESRCH|EPERM"],
  ["tracing it", "syscall ptrace 16 $PID 0 0", "ESRCH|EPERM"],
  ["its memory", "read /proc/$PID/mem", GONE, "done|EIO"],
  ["its environment", "read /proc/$PID/environ", GONE],
  ["its root", "list /proc/$PID/root/etc", GONE],
  ["its descriptors", "list /proc/$PID/fd", GONE],
  ["its memory, by system call", "syscall process_vm_readv $PID % 1 % 1 0", "ESRCH|EPERM", "EFAULT|done"],
  ["writing there", "syscall process_vm_writev $PID % 1 % 1 0", "ESRCH|EPERM", "EFAULT|done"],
  ["its priority", "syscall setpriority 0 $PID 5", "ESRCH|EPERM"],
  ["whether two processes share anything", "syscall kcmp $PID $PID 0 0 0", "ESRCH|EPERM", "done|ENOSYS"],
  ["to be root by a set-user-id program", "become $TOOL", "EPERM|EACCES"],
  ["to be root", "syscall setuid 0", "EPERM|EINVAL"],
  ["to be somebody else", "syscall setresuid 65534 65534 65534", "EPERM|EINVAL"],
  ["further groups", "syscall setgroups 1 &", "EPERM"],
  ["capabilities that stay over a change of user", "syscall prctl 28 1", "EPERM"],
];

const KERNEL: readonly Row[] = [
  ["a user namespace", "syscall unshare 0x10000000", "EPERM"],
  ["a mount namespace", "syscall unshare 0x20000", "EPERM"],
  ["a network namespace", "syscall unshare 0x40000000", "EPERM"],
  ["a PID namespace", "syscall unshare 0x20000000", "EPERM"],
  ["an IPC namespace", "syscall unshare 0x8000000", "EPERM"],
  ["a UTS namespace", "syscall unshare 0x4000000", "EPERM"],
  ["a cgroup namespace", "syscall unshare 0x2000000", "EPERM"],
  ["a time namespace", "syscall unshare 0x80", "EPERM"],
  ["a namespace by clone3, whose flags no filter sees", "syscall clone3 & 8", "ENOSYS|EPERM", "EINVAL"],
  ["another's network namespace", "setns /proc/1/ns/net", "EPERM|EACCES"],
  ["a mount", 'syscall mount "none" "/tmp" "tmpfs" 0 0', "EPERM"],
  ["the root made writable", 'syscall mount "none" "/" "none" 0x1020 0', "EPERM", "done|EINVAL|EBUSY"],
  ["a mount over its accounts", 'syscall mount "/etc/group" "/etc/passwd" "none" 0x1000 0', "EPERM"],
  ["a mount over the host's files", `syscall mount "none" "${SHARED}" "tmpfs" 0 0`, "EPERM"],
  ["a mount taken away", 'syscall umount2 "/tmp" 2', "EPERM"],
  ["a mount by the new calls", 'syscall fsopen "tmpfs" 0', "EPERM"],
  ["a copy of a mount", 'syscall open_tree -100 "/usr" 1', "EPERM"],
  ["another root", 'syscall chroot "/tmp"', "EPERM"],
  ["another root of all", 'syscall pivot_root "/tmp" "/tmp"', "EPERM", "EINVAL|EBUSY"],
  ["a kernel module", 'syscall init_module & 0 ""', "EPERM", `${REACHED}|ENOSYS`],
  ["a kernel module from a file", 'syscall finit_module 0 "" 0', "EPERM", `${REACHED}|ENOSYS`],
  ["a module taken away", 'syscall delete_module "nosuch" 0', "EPERM", `${REACHED}|ENOSYS|EWOULDBLOCK`],
  ["another kernel", "syscall kexec_load 0 17 & 0", "EPERM", `${REACHED}|ENOSYS`],
  ["a reboot", "syscall reboot 1 2 3 0", "EPERM", "EINVAL"],
  ["a BPF program", "syscall bpf 5 & 48", "EPERM", `${REACHED}|EACCES`],
  ["performance counters of the kernel", "syscall perf_event_open & 0 -1 -1 0", "EPERM|EACCES", `done|${REACHED}`],
  ["all changes of files", "syscall fanotify_init 0 0", "EPERM"],
  ["page faults in its own hand", "syscall userfaultfd 0", "EPERM|ENOSYS", "done|ENOSYS|EPERM"],
  ["a key of the same user's", 'syscall keyctl 10 -4 "user" "escape-matrix" 0', "ENOKEY|EACCES|EPERM"],
  // A clock that does not exist: the real one is everybody's.
  ["the clock", "syscall clock_settime 99 &", "EPERM", "EINVAL"],
  ["the host's name", 'syscall sethostname "" 99', "EPERM", "EINVAL"],
  ["the domain's name", 'syscall setdomainname "" 99', "EPERM", "EINVAL"],
  ["swap", 'syscall swapon "/dev/null" 0', "EPERM", REACHED],
  ["process accounting", 'syscall acct "/dev"', "EPERM", "EACCES|EISDIR|ENOSYS"],
  ["quotas", 'syscall quotactl 0 "/dev/null" 0 &', "EPERM", `${REACHED}|ENOSYS|ESRCH`],
  ["the kernel's log, by system call", "syscall syslog 3 & 4096", "EPERM"],
  ["an old execution domain", "syscall personality 0x0040000", "EPERM"],
  ["the terminal hung up", "syscall vhangup", "EPERM"],
  ["32-bit calls", "int80", "SIGSYS|EPERM|ENOSYS", "done|SIGSEGV|ENOSYS"],
  ["a core dump, which holds keys", "core", "EFBIG"],
];

const X86: readonly Row[] = [
  ["I/O ports", "syscall ioperm 0 1 1", "EPERM", "done|ENOSYS"],
  ["all I/O ports", "syscall iopl 3", "EPERM", "done|ENOSYS"],
  ["segments of its own", "syscall modify_ldt 1 & 16", "EPERM|ENOSYS", `done|ENOSYS|${REACHED}`],
];

const NETWORK: readonly Row[] = [
  ["an address that is not allowed", "tcp 192.0.2.200 443", REFUSED],
  ["the same, by UDP", "udp 192.0.2.200 5353", REFUSED],
  ["a resolver that is not its own", "udp 192.0.2.200 53", REFUSED],
  ["the same address over IPv6", "tcp 2001:db8::200 443", REFUSED],
  ["the metadata service of a cloud", "tcp 169.254.169.254 80", REFUSED],
  ["a database on loopback", "tcp 127.0.0.1 5432", REFUSED],
  ["the same over IPv6", "tcp ::1 5432", REFUSED],
  ["another address of loopback", "tcp 127.9.9.9 5432", REFUSED],
  ["the database at the host's own address", "tcp 192.0.2.1 5432", REFUSED],
  ["a UDP service on loopback", "udp 127.0.0.1 5353", REFUSED],
  ["the server of a sibling", "tcp 127.0.0.1 7002", REFUSED],
  ["a mark on packets, for rules that trust one", "option 1 36 7", "EPERM"],
  ["somebody else's address as sender", "option 0 19 1", "EPERM"],
  ["a port below 1024", "bind 127.0.0.1 80", "EACCES"],
];

const RESOURCES: readonly Row[] = [
  ["more open files than its limit", "limit nofile", "EPERM", "done|EPERM"],
  ["more locked memory than its limit", "limit memlock", "EPERM", "done|EPERM"],
  ["real-time scheduling", "syscall sched_setscheduler 0 1 &", "EPERM", "EINVAL"],
  ["a better priority", "syscall setpriority 0 0 -20", "EPERM|EACCES"],
  ["not to be killed when memory is short", "put /proc/self/oom_score_adj -999", "EACCES|EROFS|ENOENT", "done|EACCES"],
];

const SIBLINGS: readonly Row[] = [
  ["a sibling's HOME", `list ${STATE}/b`, GONE],
  ["a secret in it", `read ${STATE}/b/secret`, GONE],
  ["a new file in it", `create ${STATE}/b/planted`, GONE],
  ["a sibling's project", "read /srv/b/secret", GONE],
  ["a new file in it", "create /srv/b/planted", GONE],
  ["a sibling's config", "read /run/opencode-supervisor/config/b/opencode.json", GONE],
  ["a sibling's password", "read /run/opencode-supervisor/credentials/b.env", GONE],
  ["a sibling's name among the accounts", "find /etc/passwd opencode-b", "ENODATA"],
  ["a sibling's name among the groups", "find /etc/group opencode-b", "ENODATA"],
  ["a sibling's root", "list /run/opencode-supervisor/root/b", GONE],
  ["a sibling's process", "read /proc/$SIBLING/environ", GONE],
  ["a signal to it", "syscall kill $SIBLING 0", "ESRCH"],
  ["shared memory (System V) of another", "syscall shmget 4711 1 0", GONE],
  ["a message queue of another", 'syscall mq_open "theirs" 0', GONE],
];

const table = (area: string, rows: readonly Row[]): Case[] =>
  rows.map(([what, attempt, inside, outside = "done"]) => ({ area, what, attempt, inside, outside }));

/** What holds in both of an instance's units. */
export const CASES: readonly Case[] = [
  ...table("files", FILES),
  ...table("kernel files", KERNEL_FILES),
  ...table("sockets", SOCKETS),
  ...table("processes", PROCESSES),
  ...table("kernel", [...KERNEL, ...(process.arch === "x64" ? X86 : [])]),
  ...table("network", NETWORK),
  ...table("resources", RESOURCES),
  ...table("siblings", SIBLINGS),
];

/** What holds in main alone. */
export const CASES_OF_MAIN: readonly Case[] = table("files", FILES_OF_MAIN);
