/*
 * What the egress benches measure with.
 *   load lane ADDRESS PORT UID CGROUP.PROCS                   for each line "udp|tcp MILLISECONDS" it is told: prints
 *                                                             operations, and nanoseconds of CPU time they took
 *   load drop ADDRESS PORT COUNT PER-SECOND CGROUP.PROCS      sends datagrams that are refused; 0 a second: at once
 *   load serve ADDRESS PORT                                   takes connections and datagrams, prints "up"
 * An operation is a datagram of one byte, or a connection that is opened and reset. Everything is IPv4.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
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

static void serve(const struct sockaddr_in *at)
{
	int on = 1, tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(tcp, (const struct sockaddr *)at, sizeof *at) < 0 || bind(udp, (const struct sockaddr *)at, sizeof *at) < 0 ||
	    listen(tcp, 4096) < 0)
		die("serve");
	puts("up");
	fflush(stdout);
	for (;;) /* datagrams fill their buffer and are dropped there: who sends them is measured */
		close(accept(tcp, NULL, NULL));
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

static void slice(const struct sockaddr_in *to, int is_udp, double milliseconds)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	double end = now() + milliseconds / 1000;
	long long done = 0, before = cpu_ns();
	while (done % 64 != 0 || now() < end) {
		if (!is_udp)
			connect_once(to);
		else if (sendto(fd, "x", 1, 0, (const struct sockaddr *)to, sizeof *to) < 0)
			die("sendto");
		done++;
	}
	printf("%lld %lld\n", done, cpu_ns() - before);
	fflush(stdout);
	close(fd);
}

static void join(const char *path)
{
	int procs = open(path, O_WRONLY);
	if (procs < 0 || write(procs, "0", 1) != 1)
		die(path);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 64;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[3])) };
	inet_pton(AF_INET, argv[2], &to.sin_addr);
	if (strcmp(argv[1], "serve") == 0)
		serve(&to);
	if (strcmp(argv[1], "drop") == 0 && argc == 7) {
		join(argv[6]);
		drop(&to, atol(argv[4]), atol(argv[5]));
		return 0;
	}
	if (strcmp(argv[1], "lane") != 0 || argc != 6)
		return 64;
	join(argv[5]);
	if (setuid((uid_t)atoi(argv[4])) < 0)
		die("setuid");
	char kind[8];
	double milliseconds;
	while (scanf("%7s %lf", kind, &milliseconds) == 2)
		slice(&to, strcmp(kind, "udp") == 0, milliseconds);
	return 0;
}
