/*
 * What JavaScript cannot do by itself: hold a libnftables context (nftables.c) and talk netlink (request.c, listen.c).
 *
 * index.js is the only caller; it checks types, sizes and NUL bytes, and packs and unpacks netlink messages.
 */
#ifndef ADDON_H
#define ADDON_H

#include <linux/netlink.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { DATAGRAM = 1 << 16, TIMEOUT_SECONDS = 5, REPLY_MAX = 1 << 28 };

/* An answer as it is being received. */
typedef struct {
  char *data;
  size_t length;
  int error;
  bool interrupted;
  bool whole; /* to its last datagram */
} reply;

/* Throws; NULL, to be returned. */
napi_value fail(napi_env env, const char *code, const char *message);
bool set_number(napi_env env, napi_value object, const char *key, int number);

/* A socket; negative, and errno, when there is none to be had. */
static inline int open_netlink(int protocol) {
  return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
}
/* Every datagram of an answer of at most so many bytes; an errno. */
int receive(int fd, size_t most, reply *out);

napi_value request(napi_env env, napi_callback_info info);
napi_value start_listening(napi_env env, napi_callback_info info);
napi_value stop_listening(napi_env env, napi_callback_info info);

#endif
