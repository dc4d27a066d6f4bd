/*
 * What a hostile program would try: reads attempts from standard input, one a line (`OPERATION ARGUMENT...`), makes each in
 * a process of its own, and prints one line for each: `done`, the name of the error (`EPERM`), or `SIGSYS` when it was
 * killed. The attempts are in escape-cases.ts; nothing here knows of a sandbox, so the same program runs outside of one.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORDS = 8, WAIT_MS = 1500 };

/* An attempt: 0 when it went through, -1 and errno when not. */
typedef int attempt(char **words);

static int fail(int error)
{
	errno = error;
	return -1;
}

static long number(const char *word) { return strtol(word, NULL, 0); }

/* Files */

static int do_read(char **w)
{
	char byte;
	int fd = open(w[1], O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return -1;
	return read(fd, &byte, 1) < 0 && errno != EISDIR && errno != EAGAIN ? -1 : 0;
}

static int do_list(char **w) { return opendir(w[1]) == NULL ? -1 : 0; }
static int do_stat(char **w)
{
	struct stat found;
	return lstat(w[1], &found);
}
static int do_write(char **w) { return open(w[1], O_WRONLY | O_APPEND | O_NONBLOCK) < 0 ? -1 : 0; }
static int do_put(char **w)
{
	int fd = open(w[1], O_WRONLY);
	return fd < 0 || write(fd, w[2], strlen(w[2])) < 0 ? -1 : 0;
}
/* Whether a word is in a file, at most a page of it. */
static int do_find(char **w)
{
	char text[4096];
	int fd = open(w[1], O_RDONLY);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (length < 0)
		return -1;
	return memmem(text, (size_t)length, w[2], strlen(w[2])) == NULL ? fail(ENODATA) : 0;
}
static int do_create(char **w) { return open(w[1], O_WRONLY | O_CREAT | O_EXCL, 0600) < 0 || unlink(w[1]) < 0 ? -1 : 0; }
static int do_chown(char **w) { return do_create(w), close(creat(w[1], 0600)), chown(w[1], (uid_t)number(w[2]), (gid_t)-1); }
static int do_suid(char **w) { return close(creat(w[1], 0700)), chmod(w[1], 04755); }
static int do_rename(char **w) { return rename(w[1], w[2]) < 0 || rename(w[2], w[1]) < 0 ? -1 : 0; }
static int do_link(char **w) { return link(w[1], w[2]) < 0 || unlink(w[2]) < 0 ? -1 : 0; }
/* mknod PATH c|b MAJOR MINOR, and opened: a node that cannot be used is none. */
static int do_mknod(char **w)
{
	dev_t device = (dev_t)(number(w[3]) << 8 | number(w[4]));
	if (mknod(w[1], (w[2][0] == 'c' ? S_IFCHR : S_IFBLK) | 0600, device) < 0)
		return -1;
	int fd = open(w[1], O_RDONLY | O_NONBLOCK), error = errno;
	unlink(w[1]);
	return fd < 0 ? fail(error) : 0;
}
/* Whether any descriptor but the three was inherited. */
static int do_fds(char **w)
{
	(void)w;
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 0;
	return fail(EBADF);
}

/* Sockets */

static socklen_t unix_address(struct sockaddr_un *to, const char *path)
{
	memset(to, 0, sizeof *to);
	to->sun_family = AF_UNIX;
	strncpy(to->sun_path, path, sizeof to->sun_path - 1);
	if (path[0] == '@')
		to->sun_path[0] = 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@'));
}

static int unix_connect(const char *path, int type)
{
	struct sockaddr_un to;
	socklen_t length = unix_address(&to, path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, length) < 0)
		return -1;
	return fd;
}

static int do_unix(char **w) { return unix_connect(w[1], SOCK_STREAM) < 0 ? -1 : 0; }
static int do_datagram(char **w) { return unix_connect(w[1], SOCK_DGRAM) < 0 ? -1 : 0; }

/* Takes a descriptor over the socket and reads from it: what was opened elsewhere is used here. */
static int do_take(char **w)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec one = { &byte, 1 };
	struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int fd = unix_connect(w[1], SOCK_STREAM);
	if (fd < 0 || recvmsg(fd, &message, 0) < 0)
		return -1;
	struct cmsghdr *got = CMSG_FIRSTHDR(&message);
	if (got == NULL || got->cmsg_type != SCM_RIGHTS)
		return fail(ENOMSG);
	memcpy(&fd, CMSG_DATA(got), sizeof fd);
	return read(fd, &byte, 1) == 1 ? 0 : -1;
}

static int do_socket(char **w) { return socket((int)number(w[1]), (int)number(w[2]), (int)number(w[3])) < 0 ? -1 : 0; }

/* Network */

static socklen_t ip_address(struct sockaddr_storage *to, const char *address, const char *port)
{
	struct sockaddr_in *four = (struct sockaddr_in *)to;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
	memset(to, 0, sizeof *to);
	four->sin_port = htons((in_port_t)number(port)); /* the same place in both */
	to->ss_family = strchr(address, ':') == NULL ? AF_INET : AF_INET6;
	inet_pton(to->ss_family, address, to->ss_family == AF_INET ? (void *)&four->sin_addr : (void *)&six->sin6_addr);
	return to->ss_family == AF_INET ? sizeof *four : sizeof *six;
}

static int ready(int fd, short what)
{
	struct pollfd one = { .fd = fd, .events = what };
	return poll(&one, 1, WAIT_MS) == 1 ? 0 : fail(ETIMEDOUT);
}

static int ip_connect(char **w, int type)
{
	struct sockaddr_storage to;
	socklen_t length = ip_address(&to, w[1], w[2]), size = sizeof(int);
	int fd = socket(to.ss_family, type | SOCK_NONBLOCK, 0), error = 0;
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&to, length) == 0)
		return fd;
	if (errno != EINPROGRESS || ready(fd, POLLOUT) < 0)
		return -1;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error == 0 ? fd : fail(error);
}

static int do_tcp(char **w) { return ip_connect(w, SOCK_STREAM) < 0 ? -1 : 0; }
/* A datagram that is answered. */
static int do_udp(char **w)
{
	char answer[16];
	int fd = ip_connect(w, SOCK_DGRAM);
	if (fd < 0 || send(fd, "?", 1, 0) < 0 || ready(fd, POLLIN) < 0)
		return -1;
	return recv(fd, answer, sizeof answer, 0) < 0 ? -1 : 0;
}
static int do_bind(char **w)
{
	struct sockaddr_storage to;
	socklen_t length = ip_address(&to, w[1], w[2]);
	return bind(socket(to.ss_family, SOCK_STREAM, 0), (struct sockaddr *)&to, length);
}
/* option LEVEL NAME VALUE */
static int do_option(char **w)
{
	int value = (int)number(w[3]);
	return setsockopt(socket(AF_INET, SOCK_DGRAM, 0), (int)number(w[1]), (int)number(w[2]), &value, sizeof value);
}

/* Processes and the kernel */

static int status_of(pid_t child)
{
	int status = 0;
	waitpid(child, &status, 0);
	return status;
}

/* Runs a set-user-id copy of this program and asks it who it is. */
static int do_become(char **w)
{
	pid_t child = fork();
	if (child == 0) {
		execl(w[1], w[1], "--am-i-root", (char *)NULL);
		_exit(errno);
	}
	int status = WEXITSTATUS(status_of(child));
	return status == 0 ? 0 : fail(status);
}

static int do_core(char **w)
{
	(void)w;
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	pid_t child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &all);
		abort();
	}
	return WCOREDUMP(status_of(child)) ? 0 : fail(EFBIG);
}

/* getpid(2) by the 32-bit entry, where no number means what the filter thinks. */
static int do_int80(char **w)
{
	(void)w;
#ifdef __x86_64__
	long result = 20;
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result > 0 ? 0 : fail((int)-result);
#else
	return fail(ENOSYS);
#endif
}

static int do_limit(char **w)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	if (strcmp(w[1], "nofile") == 0)
		all.rlim_cur = all.rlim_max = 1 << 20;
	return setrlimit(strcmp(w[1], "nofile") == 0 ? RLIMIT_NOFILE : RLIMIT_MEMLOCK, &all);
}

static int do_idle(char **w)
{
	/* fork N times; all of them wait until this process ends */
	for (long left = number(w[1]); left > 0; left--) {
		pid_t child = fork();
		if (child < 0)
			return -1;
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	return 0;
}

static const struct {
	const char *name;
	long nr;
} SYSCALLS[] = {
#define S(name) { #name, SYS_##name }
	{ "cachestat", 451 }, /* Linux 6.5: the headers of Debian 12 do not know it */
	S(acct), S(add_key), S(bpf), S(chroot), S(clock_settime), S(clone3), S(delete_module), S(fanotify_init),
	S(finit_module), S(fsopen), S(init_module), S(io_uring_setup), S(kcmp), S(kexec_load), S(keyctl), S(kill),
	S(mount), S(move_mount), S(mq_open), S(name_to_handle_at), S(open_by_handle_at), S(open_tree),
	S(perf_event_open), S(personality), S(pidfd_getfd), S(pidfd_open), S(pivot_root), S(prctl), S(prlimit64),
	S(process_vm_readv), S(process_vm_writev), S(ptrace), S(quotactl), S(reboot), S(request_key), S(sched_setscheduler),
	S(setdomainname), S(setgroups), S(sethostname), S(setns), S(setpriority), S(setresuid), S(setuid), S(shmget),
	S(swapon), S(syslog), S(tgkill), S(umount2), S(unshare), S(userfaultfd), S(vhangup),
#ifdef __x86_64__
	S(ioperm), S(iopl), S(modify_ldt),
#endif
#undef S
};

/* syscall NAME ARGUMENT...: numbers, "text", & for a page of zeros, % for an iovec to eight bytes in it. */
static int do_syscall(char **w)
{
	static char zeros[4096];
	static struct iovec bytes = { zeros, 8 };
	long arguments[6] = { 0 };
	for (int i = 0; i < 6 && w[i + 2] != NULL; i++) {
		char *word = w[i + 2];
		if (word[0] == '"')
			word[strlen(word) - 1] = 0;
		arguments[i] = word[0] == '"' ? (long)(word + 1) : word[0] == '&' ? (long)zeros
			       : word[0] == '%' ? (long)&bytes : number(word);
	}
	for (size_t i = 0; i < sizeof SYSCALLS / sizeof *SYSCALLS; i++)
		if (strcmp(SYSCALLS[i].name, w[1]) == 0)
			return syscall(SYSCALLS[i].nr, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
				       arguments[5]) < 0 ? -1 : 0;
	return fail(ENOTSUP);
}

/* setns PATH: enters a namespace. */
static int do_setns(char **w)
{
	int fd = open(w[1], O_RDONLY);
	return fd < 0 ? -1 : (int)syscall(SYS_setns, fd, 0);
}

static const struct {
	const char *name;
	attempt *make;
	int words; /* at least, the name counted */
} OPERATIONS[] = {
	{ "become", do_become, 2 }, { "bind", do_bind, 3 }, { "chown", do_chown, 3 }, { "core", do_core, 1 },
	{ "create", do_create, 2 }, { "datagram", do_datagram, 2 }, { "fds", do_fds, 1 }, { "find", do_find, 3 }, { "idle", do_idle, 2 },
	{ "int80", do_int80, 1 }, { "limit", do_limit, 2 }, { "link", do_link, 3 }, { "list", do_list, 2 },
	{ "mknod", do_mknod, 5 }, { "option", do_option, 4 }, { "put", do_put, 3 }, { "read", do_read, 2 }, { "rename", do_rename, 3 },
	{ "setns", do_setns, 2 }, { "socket", do_socket, 4 }, { "stat", do_stat, 2 }, { "suid", do_suid, 2 },
	{ "syscall", do_syscall, 2 }, { "take", do_take, 2 }, { "tcp", do_tcp, 3 }, { "udp", do_udp, 3 },
	{ "unix", do_unix, 2 }, { "write", do_write, 2 },
};

/* The attempt of one line; an unknown one is a mistake of the table's and ends everything. */
static int make(char *line)
{
	char *words[MOST_WORDS + 1] = { NULL };
	int count = 0;
	for (char *word = strtok(line, " \n"); word != NULL && count < MOST_WORDS; word = strtok(NULL, " \n"))
		words[count++] = word;
	for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
		if (count > 0 && strcmp(OPERATIONS[i].name, words[0]) == 0 && count >= OPERATIONS[i].words)
			return OPERATIONS[i].make(words);
	fprintf(stderr, "probe: no such attempt: %s\n", count > 0 ? words[0] : "");
	_exit(64);
}

int main(int argc, char **argv)
{
	static char line[4096];
	if (argc == 2 && strcmp(argv[1], "--am-i-root") == 0)
		return geteuid() == 0 ? 0 : EPERM;
	while (fgets(line, sizeof line, stdin) != NULL) {
		fflush(stdout);
		pid_t child = fork();
		if (child < 0)
			return 71;
		if (child == 0) {
			alarm(10);
			_exit(make(line) == 0 ? 0 : errno);
		}
		int status = status_of(child);
		if (WIFSIGNALED(status))
			printf("SIG%s\n", sigabbrev_np(WTERMSIG(status)));
		else if (WEXITSTATUS(status) == 0)
			printf("done\n");
		else
			printf("%s\n", strerrorname_np(WEXITSTATUS(status)));
	}
	return 0;
}
