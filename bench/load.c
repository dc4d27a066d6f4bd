/*
 * What the egress benches measure with.
 *   load lane NETNS ADDRESS PORT UID CGROUP.PROCS             for each line "udp|tcp SLICES OPERATIONS" it is told: prints the
 *                                                             nanoseconds of CPU time that each slice of so many operations took
 *   load drop ADDRESS PORT COUNT PER-SECOND CGROUP.PROCS      sends datagrams that are refused; 0 a second: at once
 * An operation is a datagram of one byte, or a connection that is opened and reset. Everything is IPv4. The listening sockets in
 * NETNS are the same process': nobody is woken while a slice runs, and what the kernel does for both ends is in its time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CPU time of this process; what the kernel does with its packets in softirqs on their way is in it. */
static long long cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int reset_socket(void)
{
	struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0)
		die("socket");
	return fd;
}

static void connect_once(const struct sockaddr_in *to)
{
	int fd = reset_socket();
	if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0)
		die("connect");
	close(fd);
}

struct peer {
	int tcp, udp;
};

/* Listens in another network namespace, and comes back. Datagrams fill their buffer and are dropped there. */
static struct peer listen_in(const char *netns, const struct sockaddr_in *at)
{
	struct peer peer;
	int there = open(netns, O_RDONLY | O_CLOEXEC), here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (there < 0 || here < 0 || setns(there, CLONE_NEWNET) < 0)
		die(netns);
	peer.tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	peer.udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(peer.tcp, (const struct sockaddr *)at, sizeof *at) < 0 || listen(peer.tcp, 4096) < 0 ||
	    bind(peer.udp, (const struct sockaddr *)at, sizeof *at) < 0)
		die("listen");
	if (setns(here, CLONE_NEWNET) < 0)
		die("setns");
	return peer;
}

static void take_all(int listener)
{
	for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;)
		close(fd);
}

static void drop(const struct sockaddr_in *to, long count, long per_second)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	double start = now();
	for (long sent = 0; sent < count; sent++) {
		(void)!sendto(fd, "x", 1, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof *to);
		if (per_second > 0 && sent % 100 == 0)
			while (now() - start < (double)sent / (double)per_second)
				poll(NULL, 0, 1);
	}
}

static long long slice(const struct sockaddr_in *to, int fd, int is_udp, int operations)
{
	long long before = cpu_ns();
	for (int done = 0; done < operations; done++)
		if (!is_udp)
			connect_once(to);
		else if (sendto(fd, "x", 1, 0, (const struct sockaddr *)to, sizeof *to) < 0)
			die("sendto");
	return cpu_ns() - before;
}

/* One processor for all of it: its softirqs run there, and nothing moves between slices. */
static void stay(void)
{
	cpu_set_t only;
	CPU_ZERO(&only);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &only);
	if (sched_setaffinity(0, sizeof only, &only) < 0)
		die("sched_setaffinity");
}

static void join(const char *path)
{
	int procs = open(path, O_WRONLY);
	if (procs < 0 || write(procs, "0", 1) != 1)
		die(path);
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)) };
	inet_pton(AF_INET, host, &at.sin_addr);
	return at;
}

static void lane(char **argv)
{
	struct sockaddr_in to = address(argv[3], argv[4]);
	struct peer peer = listen_in(argv[2], &to);
	join(argv[6]);
	stay();
	if (setuid((uid_t)atoi(argv[5])) < 0)
		die("setuid");
	char kind[8];
	int slices, operations, fd = socket(AF_INET, SOCK_DGRAM, 0);
	while (scanf("%7s %d %d", kind, &slices, &operations) == 3) {
		int is_udp = strcmp(kind, "udp") == 0;
		for (int nth = 0; nth < slices; nth++) {
			printf("%lld ", slice(&to, fd, is_udp, operations));
			take_all(peer.tcp);
		}
		puts("");
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "lane") == 0) {
		lane(argv);
		return 0;
	}
	if (argc == 7 && strcmp(argv[1], "drop") == 0) {
		struct sockaddr_in to = address(argv[2], argv[3]);
		join(argv[6]);
		drop(&to, atol(argv[4]), atol(argv[5]));
		return 0;
	}
	return 64;
}
