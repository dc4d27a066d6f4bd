/*
 * Netlink sockets that hear what nobody asked for.
 *
 *   listen(group, [message], heard) -> listener                                        unlisten(listener)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

#include "addon.h"

/* What is read at once of what was heard; the rest is for the next turn of the loop. */
enum { HEARD_MAX = 1 << 20, HEARD_BUFFER = 1 << 23 };

static const napi_type_tag LISTENER_TAG = {0x6e66745f6c697374ULL, 0x656e65725f617069ULL};

/*
 * A socket that hears what nobody asked for: notifications of a multicast group, or packets that rules log to us. It is
 * read when the event loop says there is something, and holds up neither the loop nor the end of the process.
 */
typedef struct {
  uv_poll_t poll;
  napi_env env;
  napi_ref heard;
  napi_async_context async;
  int fd;
  bool closed;
} listener;

static void listener_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void listener_close(void *data) {
  listener *it = data;
  if (it->closed) return;
  it->closed = true;
  napi_remove_env_cleanup_hook(it->env, listener_close, it);
  napi_delete_reference(it->env, it->heard);
  napi_async_destroy(it->env, it->async);
  uv_poll_stop(&it->poll);
  uv_close((uv_handle_t *)&it->poll, listener_closed);
  close(it->fd); /* at once: somebody may want the group */
}

/* Reads what there is, datagram after datagram; *lost when the kernel had to throw some away. Messages stay aligned. */
static size_t read_heard(int fd, char *into, bool *lost) {
  size_t length = 0;
  while (length + DATAGRAM <= HEARD_MAX) {
    ssize_t got = recv(fd, into + length, DATAGRAM, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) *lost = true;
    if (got <= 0) break;
    size_t padded = NLMSG_ALIGN((size_t)got);
    memset(into + length + got, 0, padded - (size_t)got);
    length += padded;
  }
  return length;
}

static void listener_readable(uv_poll_t *poll, int status, int events) {
  (void)events;
  listener *it = poll->data;
  napi_env env = it->env;
  napi_handle_scope scope;
  napi_value receiver, heard, arguments[2];
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  char *data = malloc(HEARD_MAX);
  bool lost = status < 0 || data == NULL;
  size_t length = data == NULL ? 0 : read_heard(it->fd, data, &lost);
  if ((length > 0 || lost) && napi_get_global(env, &receiver) == napi_ok &&
      napi_get_reference_value(env, it->heard, &heard) == napi_ok &&
      napi_create_buffer_copy(env, length, length == 0 ? "" : data, NULL, &arguments[0]) == napi_ok &&
      napi_get_boolean(env, lost, &arguments[1]) == napi_ok)
    napi_make_callback(env, it->async, receiver, heard, 2, arguments, NULL);
  free(data);
  napi_close_handle_scope(env, scope);
}

/* Sends each message of an array and waits until it is acknowledged; an errno. */
static int configure(napi_env env, int fd, napi_value messages) {
  uint32_t count = 0;
  if (napi_get_array_length(env, messages, &count) != napi_ok) return EINVAL;
  for (uint32_t i = 0; i < count; i++) {
    napi_value message;
    void *data;
    size_t length;
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (napi_get_element(env, messages, i, &message) != napi_ok ||
        napi_get_buffer_info(env, message, &data, &length) != napi_ok)
      return EINVAL;
    reply answer = {0};
    int error = sendto(fd, data, length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? errno : receive(fd, REPLY_MAX, &answer);
    free(answer.data);
    if (error != 0) return error;
  }
  return 0;
}

static int listener_socket(napi_env env, uint32_t group, napi_value messages, int *out) {
  int fd = open_netlink(NETLINK_NETFILTER), size = HEARD_BUFFER, error = 0;
  if (fd < 0) return errno;
  struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
  struct sockaddr_nl own = {.nl_family = AF_NETLINK};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) error = errno;
  if (error == 0 && group != 0 && setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    error = errno;
  if (error == 0) error = configure(env, fd, messages);
  if (error != 0) close(fd);
  *out = fd;
  return error;
}

napi_value start_listening(napi_env env, napi_callback_info info) {
  size_t argc = 3;
  napi_value arguments[3], name, handle;
  napi_valuetype type;
  uint32_t group = 0;
  uv_loop_t *loop;
  if (napi_get_cb_info(env, info, &argc, arguments, NULL, NULL) != napi_ok || argc < 3 ||
      napi_get_value_uint32(env, arguments[0], &group) != napi_ok ||
      napi_typeof(env, arguments[2], &type) != napi_ok || type != napi_function)
    return fail(env, "ERR_INVALID_ARG_TYPE", "listen takes a group, messages and a function");
  int fd = -1, error = listener_socket(env, group, arguments[1], &fd);
  if (error != 0) return fail(env, "ENETLINK", strerror(error));
  listener *it = calloc(1, sizeof *it);
  if (it == NULL || napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, &it->poll, fd) != 0) {
    close(fd);
    free(it);
    return fail(env, "ENAPI", "cannot watch the socket");
  }
  it->env = env;
  it->fd = fd;
  it->poll.data = it;
  napi_create_string_utf8(env, "nftables-napi", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &it->async);
  napi_create_reference(env, arguments[2], 1, &it->heard);
  napi_add_env_cleanup_hook(env, listener_close, it);
  uv_poll_start(&it->poll, UV_READABLE, listener_readable);
  uv_unref((uv_handle_t *)&it->poll);
  if (napi_create_external(env, it, NULL, NULL, &handle) != napi_ok) {
    listener_close(it);
    return fail(env, "ENAPI", "cannot wrap the listener");
  }
  napi_type_tag_object(env, handle, &LISTENER_TAG);
  return handle;
}

/* index.js calls this once for each listener: what is behind the handle is freed by it. */
napi_value stop_listening(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value handle;
  bool ours = false;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &argc, &handle, NULL, NULL) != napi_ok || argc < 1 ||
      napi_check_object_type_tag(env, handle, &LISTENER_TAG, &ours) != napi_ok || !ours ||
      napi_get_value_external(env, handle, &data) != napi_ok)
    return fail(env, "ERR_INVALID_ARG_TYPE", "not a listener");
  listener_close(data);
  return NULL;
}
