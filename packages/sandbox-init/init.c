/*
 * opencode-init: the first process of an instance's units.
 *
 *   opencode-init [--landlock-scopes] -- PROGRAM [ARGUMENT...]
 *   opencode-init --probe
 *
 * Runs PROGRAM (found on PATH) in a process group of its own, passes signals on to that whole group, reaps what is
 * orphaned, and ends when PROGRAM ends, taking everything left over with it. It is needed because PID 1 of a PID
 * namespace ignores every signal it has no handler for, and opencode has none.
 *
 * It allows of the system calls that are newer than Linux 5.16 only some: see NEWER.
 *
 * It sends a canary when it starts, and again at every SIGURG: a UDP datagram to an address of loopback that nobody has.
 * The supervisor's packet filter counts it, and so sees that what is sent from in here goes through the instance's policy.
 *
 * --landlock-scopes cuts the program off from abstract Unix sockets and processes outside of this unit
 * (landlock(7), ABI 6, Linux 6.12). --probe prints the kernel's Landlock ABI, 0 without Landlock.
 *
 * Exit status: the program's own; 128+N when signal N killed it; 127 not found; 126 not executable;
 * 64 wrong usage; 71 the system refused (no Landlock scopes, no filter of calls, no process). See sysexits.h(3head).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* linux/landlock.h of ABI 6, spelt out: the headers of Debian 12 know ABI 2. */
#define LANDLOCK_ABI_WITH_SCOPES 6
#define CREATE_RULESET_VERSION (1U << 0)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127, EXIT_SIGNALLED = 128 };

/*
 * systemd's filter of the units refuses by name what they are not to do, which is cheaper than allowing 300 by name, and lets
 * pass what has no name yet. The oldest libseccomp that was tried (2.5.4) knows what there was up to here; from here on, these
 * are allowed, and for the program the kernel has no others. Their numbers are the same on every architecture.
 */
#define LAST_REFUSED_BY_NAME 449 /* futex_waitv, Linux 5.16 */
static const uint32_t NEWER[] = {
	452, /* fchmodat2 */
	457, /* statmount */
	458, /* listmount */
	459, /* lsm_get_self_attr */
	461, /* lsm_list_modules */
	462, /* mseal */
	463, /* setxattrat */
	464, /* getxattrat */
	465, /* listxattrat */
	466, /* removexattrat */
};

/* What is passed on; faults and job control keep their meaning for this process itself. */
static const int FORWARDED[] = {
	SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, SIGCONT, SIGWINCH, SIGPWR,
};

__attribute__((noreturn, format(printf, 2, 3))) static void die(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("opencode-init: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	_exit(status);
}

/* The kernel's Landlock ABI; 0 when it has none or it is switched off. */
static int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
	return abi < 0 ? 0 : (int)abi;
}

static void apply_landlock_scopes(void)
{
	int abi = landlock_abi();
	if (abi < LANDLOCK_ABI_WITH_SCOPES)
		die(EX_OSERR, "Landlock scopes need ABI %d (Linux 6.12), here it is %d; start without --landlock-scopes",
		    LANDLOCK_ABI_WITH_SCOPES, abi);
	struct ruleset_attr attr = { .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL };
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (ruleset < 0)
		die(EX_OSERR, "cannot make a Landlock ruleset: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		die(EX_OSERR, "cannot apply the Landlock scopes: %s", strerror(errno));
	close(ruleset);
}

static void restrict_newer_calls(void)
{
	enum { KNOWN = sizeof NEWER / sizeof *NEWER };
	struct sock_filter filter[KNOWN + 4] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST_REFUSED_BY_NAME, 0, KNOWN + 1),
	};
	for (size_t i = 0; i < KNOWN; i++)
		filter[2 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NEWER[i], (uint8_t)(KNOWN - i), 0);
	filter[KNOWN + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	filter[KNOWN + 3] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = KNOWN + 4, .filter = filter };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		die(EX_OSERR, "cannot restrict system calls: %s", strerror(errno));
}

__attribute__((noreturn)) static void run(char **argv, const sigset_t *mask)
{
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	int error = errno;
	if (error != ENOENT)
		die(EXIT_NOT_EXECUTABLE, "cannot execute %s: %s", argv[0], strerror(error));
	if (strchr(argv[0], '/') != NULL)
		die(EXIT_NOT_FOUND, "%s: not found in the sandbox (or its interpreter is not)", argv[0]);
	const char *path = getenv("PATH");
	die(EXIT_NOT_FOUND, "%s: not found on PATH (%s)", argv[0], path != NULL ? path : "not set");
}

/* Reaps all that has ended; true when the main child is among it, with its wait status in *status. */
static bool reap(pid_t child, int *status)
{
	bool ended = false;
	int one;
	for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;)
		if (pid == child) {
			*status = one;
			ended = true;
		}
	return ended;
}

/* Kills one round of this process's children; their own children are then handed to it (PR_SET_CHILD_SUBREAPER). */
static void kill_children(void)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	if (children == NULL)
		die(EX_OSERR, "cannot list the processes left over: %s", strerror(errno));
	for (int pid; fscanf(children, "%d", &pid) == 1;)
		kill(pid, SIGKILL);
	fclose(children);
}

/* PID 1 takes its whole namespace with it when it exits; anybody else has to see to it. */
static void end_leftovers(void)
{
	if (getpid() == 1)
		return;
	do
		kill_children();
	while (waitpid(-1, NULL, 0) > 0);
}

/* The address and port are CANARY in src/netpolicy/names.ts. Nothing comes of it where it cannot be sent. */
static void send_canary(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(0x7f4f4301), /* 127.79.67.1 */
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
	close(fd);
}

static int supervise(pid_t child, const sigset_t *waited)
{
	int status = 0;
	for (;;) {
		int got = sigwaitinfo(waited, NULL);
		if (got == SIGURG)
			send_canary();
		else if (got > 0 && got != SIGCHLD)
			kill(-child, got);
		else if (got == SIGCHLD && reap(child, &status))
			break;
	}
	end_leftovers();
	return WIFSIGNALED(status) ? EXIT_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	bool scopes = false;
	int at = 1;
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* a message is one write: lines of several processes do not mix */
	if (argc == 2 && strcmp(argv[1], "--probe") == 0)
		return printf("%d\n", landlock_abi()) < 0 || fflush(stdout) != 0 ? EX_IOERR : EX_OK;
	if (at < argc && strcmp(argv[at], "--landlock-scopes") == 0) {
		scopes = true;
		at++;
	}
	if (at + 1 >= argc || strcmp(argv[at], "--") != 0)
		die(EX_USAGE, "usage: opencode-init [--landlock-scopes] -- PROGRAM [ARGUMENT...] | --probe");

	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		die(EX_OSERR, "cannot become a subreaper: %s", strerror(errno));
	if (scopes)
		apply_landlock_scopes();
	restrict_newer_calls();

	sigset_t waited, before;
	sigemptyset(&waited);
	sigaddset(&waited, SIGCHLD);
	sigaddset(&waited, SIGURG);
	for (size_t i = 0; i < sizeof FORWARDED / sizeof *FORWARDED; i++)
		sigaddset(&waited, FORWARDED[i]);
	sigprocmask(SIG_BLOCK, &waited, &before);
	send_canary(); /* after the mask: whoever asks for one before this gets this one */
	/* An ignored SIGCHLD would be inherited over exec and have the kernel throw the statuses away. */
	signal(SIGCHLD, SIG_DFL);

	pid_t child = fork();
	if (child < 0)
		die(EX_OSERR, "cannot make a process: %s", strerror(errno));
	if (child == 0)
		run(argv + at + 1, &before);
	setpgid(child, child); /* as the child does too: whoever comes first, no signal is lost in between */
	return supervise(child, &waited);
}
