/*
 * One netlink request, and the whole of its answer.
 *
 *   request(protocol, message) -> { errno, interrupted, data }
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "addon.h"

/* Of sockets, which anybody makes, thousands are told and not hundreds of thousands. */
enum { SOCKETS_MAX = 1 << 20, SOCKET_BUFFER = 1 << 21 };

/* Looks for the end of the answer in one datagram. */
static bool is_last(const char *data, ssize_t size, reply *out) {
  int left = (int)size;
  for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
    if (h->nlmsg_flags & NLM_F_DUMP_INTR) out->interrupted = true;
    if (h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR) continue;
    int code = 0;
    if (h->nlmsg_len >= NLMSG_LENGTH(sizeof code)) memcpy(&code, NLMSG_DATA(h), sizeof code);
    out->error = -code;
    return true;
  }
  return false;
}

int receive(int fd, size_t most, reply *out) {
  for (size_t room = 0;;) {
    if (room - out->length < DATAGRAM) {
      room = room == 0 ? 4 * DATAGRAM : 2 * room;
      char *grown = room > most ? NULL : realloc(out->data, room);
      if (grown == NULL) return ENOMEM;
      out->data = grown;
    }
    ssize_t got = recv(fd, out->data + out->length, DATAGRAM, MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0 || got > DATAGRAM) return EBADMSG;
    out->whole = is_last(out->data + out->length, got, out);
    out->length += (size_t)got;
    if (out->whole) return out->error;
  }
}

/*
 * The sockets for requests, kept: when one of netfilter's is closed the kernel first frees all that transactions left to be
 * freed (nft_rcv_nl_event() in net/netfilter/nf_tables_api.c), which takes milliseconds after each.
 */
static _Thread_local struct {
  int protocol, fd;
} kept[] = {{NETLINK_NETFILTER, -1}, {NETLINK_SOCK_DIAG, -1}};

/* Where the socket of a protocol is kept; NULL for one that nothing is asked of. */
static int *kept_socket(int protocol) {
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    if (kept[i].protocol == protocol) return &kept[i].fd;
  return NULL;
}

static int open_asking(int protocol) {
  int fd = open_netlink(protocol), size = SOCKET_BUFFER;
  struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
  if (fd < 0) return fd;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  return fd;
}

/* One request, and every datagram of its answer; after half an answer, nothing more is read from that socket. */
static int exchange(int protocol, const void *message, size_t length, reply *out) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  int *asking = kept_socket(protocol);
  if (asking == NULL) return EPROTONOSUPPORT;
  if (*asking < 0 && (*asking = open_asking(protocol)) < 0) return errno;
  ssize_t sent = sendto(*asking, message, length, 0, (struct sockaddr *)&kernel, sizeof kernel);
  size_t most = protocol == NETLINK_SOCK_DIAG ? SOCKETS_MAX : REPLY_MAX;
  int error = sent < 0 ? errno : receive(*asking, most, out);
  if (!out->whole) *asking = (close(*asking), -1);
  return error;
}

napi_value request(napi_env env, napi_callback_info info) {
  size_t argc = 2, length = 0;
  napi_value arguments[2], result, data, interrupted;
  int32_t protocol = 0;
  void *message = NULL;
  bool is_buffer = false;
  if (napi_get_cb_info(env, info, &argc, arguments, NULL, NULL) != napi_ok || argc < 2 ||
      napi_get_value_int32(env, arguments[0], &protocol) != napi_ok ||
      napi_is_buffer(env, arguments[1], &is_buffer) != napi_ok || !is_buffer ||
      napi_get_buffer_info(env, arguments[1], &message, &length) != napi_ok || length < sizeof(struct nlmsghdr))
    return fail(env, "ERR_INVALID_ARG_TYPE", "a request is a protocol and a Buffer that holds a netlink message");

  reply answer = {0};
  int error = exchange(protocol, message, length, &answer);
  bool built = napi_create_object(env, &result) == napi_ok && set_number(env, result, "errno", error) &&
               napi_get_boolean(env, answer.interrupted, &interrupted) == napi_ok &&
               napi_set_named_property(env, result, "interrupted", interrupted) == napi_ok &&
               napi_create_buffer_copy(env, answer.length, answer.data == NULL ? "" : answer.data, NULL, &data) ==
                   napi_ok &&
               napi_set_named_property(env, result, "data", data) == napi_ok;
  free(answer.data);
  return built ? result : fail(env, "ENAPI", "cannot build the result");
}
