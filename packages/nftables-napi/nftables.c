/*
 * Two things JavaScript cannot do by itself: hold a libnftables context (libnftables(3)) and talk NETLINK_NETFILTER.
 *
 *   open(json) -> handle            run(handle, text) -> { rc, output, error }            close(handle)
 *   request(message) -> { errno, interrupted, data }
 *   listen(group, [message], heard) -> listener                                        unlisten(listener)
 *
 * index.js is the only caller; it checks types, sizes and NUL bytes, and packs and unpacks netlink messages. What is
 * checked here is what would otherwise end the process: libnftables calls exit() when it cannot open its socket.
 */
#include <node_api.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <malloc.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

enum { DATAGRAM = 1 << 16, REPLY_MAX = 1 << 28, SOCKET_BUFFER = 1 << 21, TIMEOUT_SECONDS = 5, LARGE = 1 << 16 };
/* What is read at once of what was heard; the rest is for the next turn of the loop. */
enum { HEARD_MAX = 1 << 20, HEARD_BUFFER = 1 << 23 };

static const napi_type_tag LISTENER_TAG = {0x6e66745f6c697374ULL, 0x656e65725f617069ULL};
static const napi_type_tag CONTEXT_TAG = {0x6e66745f636f6e74ULL, 0x6578745f6e617069ULL};

typedef struct {
  struct nft_ctx *nft;
} context;

static napi_value fail(napi_env env, const char *code, const char *message) {
  napi_throw_error(env, code, message);
  return NULL;
}

static int open_netlink(void) {
  return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
}

static void context_free(context *ctx) {
  if (ctx->nft != NULL) nft_ctx_free(ctx->nft);
  ctx->nft = NULL;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  context_free(data);
  free(data);
}

static napi_value context_open(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argument, handle;
  bool json = false;
  if (napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) != napi_ok) return NULL;
  if (argc > 0) napi_get_value_bool(env, argument, &json);

  int probe = open_netlink();
  if (probe < 0) return fail(env, "ENETLINK", strerror(errno));
  close(probe);

  context *ctx = calloc(1, sizeof *ctx);
  if (ctx == NULL) return fail(env, "ENOMEM", "out of memory");
  ctx->nft = nft_ctx_new(NFT_CTX_DEFAULT);
  if (ctx->nft == NULL || nft_ctx_buffer_output(ctx->nft) != 0 || nft_ctx_buffer_error(ctx->nft) != 0) {
    finalize(env, ctx, NULL);
    return fail(env, "ENFT", "libnftables gave no context");
  }
  if (json) nft_ctx_output_set_flags(ctx->nft, NFT_CTX_OUTPUT_JSON);
  if (napi_create_external(env, ctx, finalize, NULL, &handle) != napi_ok) {
    finalize(env, ctx, NULL);
    return fail(env, "ENAPI", "cannot wrap the context");
  }
  napi_type_tag_object(env, handle, &CONTEXT_TAG);
  return handle;
}

/* The context behind a handle; throws and returns NULL for anything else, and for one that was closed. */
static context *context_of(napi_env env, napi_value handle) {
  bool ours = false;
  void *data = NULL;
  if (napi_check_object_type_tag(env, handle, &CONTEXT_TAG, &ours) == napi_ok && ours)
    napi_get_value_external(env, handle, &data);
  if (data == NULL) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "not a context");
    return NULL;
  }
  context *ctx = data;
  if (ctx->nft == NULL) napi_throw_error(env, "ERR_CLOSED", "this context is closed");
  return ctx->nft == NULL ? NULL : ctx;
}

static bool set_string(napi_env env, napi_value object, const char *key, const char *text) {
  napi_value value;
  return napi_create_string_utf8(env, text == NULL ? "" : text, NAPI_AUTO_LENGTH, &value) == napi_ok &&
         napi_set_named_property(env, object, key, value) == napi_ok;
}

static bool set_number(napi_env env, napi_value object, const char *key, int number) {
  napi_value value;
  return napi_create_int32(env, number, &value) == napi_ok &&
         napi_set_named_property(env, object, key, value) == napi_ok;
}

static napi_value context_run(napi_env env, napi_callback_info info) {
  size_t argc = 2, length = 0;
  napi_value arguments[2], result;
  if (napi_get_cb_info(env, info, &argc, arguments, NULL, NULL) != napi_ok) return NULL;
  context *ctx = argc == 2 ? context_of(env, arguments[0]) : NULL;
  if (ctx == NULL) return NULL;
  if (napi_get_value_string_utf8(env, arguments[1], NULL, 0, &length) != napi_ok)
    return fail(env, "ERR_INVALID_ARG_TYPE", "commands must be a string");
  char *text = malloc(length + 1);
  if (text == NULL) return fail(env, "ENOMEM", "out of memory");
  napi_get_value_string_utf8(env, arguments[1], text, length + 1, &length);

  /* libnftables waits for the kernel's word in select(2), which a signal ends: it would call failed what was done. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int rc = nft_run_cmd_from_buffer(ctx->nft, text);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  free(text);
#ifdef __GLIBC__
  /* A large transaction leaves tens of megabytes of free blocks behind, which malloc would keep. */
  if (length >= LARGE) malloc_trim(0);
#endif
  /* Reading a buffer also empties it: read both, whatever happens next. */
  const char *output = nft_ctx_get_output_buffer(ctx->nft);
  const char *error = nft_ctx_get_error_buffer(ctx->nft);
  if (napi_create_object(env, &result) != napi_ok || !set_number(env, result, "rc", rc) ||
      !set_string(env, result, "output", output) || !set_string(env, result, "error", error))
    return fail(env, "ENAPI", "cannot build the result");
  return result;
}

static napi_value context_close(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value handle;
  if (napi_get_cb_info(env, info, &argc, &handle, NULL, NULL) != napi_ok || argc < 1) return NULL;
  context *ctx = context_of(env, handle);
  if (ctx != NULL) context_free(ctx);
  return NULL;
}

typedef struct {
  char *data;
  size_t length;
  int error;
  bool interrupted;
  bool whole; /* to its last datagram */
} reply;

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

static int receive(int fd, reply *out) {
  for (size_t room = 0;;) {
    if (room - out->length < DATAGRAM) {
      room = room == 0 ? 4 * DATAGRAM : 2 * room;
      char *grown = room > REPLY_MAX ? NULL : realloc(out->data, room);
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
 * The socket for requests, kept: when one is closed the kernel first frees all that transactions left to be freed
 * (nft_rcv_nl_event() in net/netfilter/nf_tables_api.c), which takes milliseconds after each.
 */
static _Thread_local int asking = -1;

static int open_asking(void) {
  int fd = open_netlink(), size = SOCKET_BUFFER;
  struct timeval limit = {.tv_sec = TIMEOUT_SECONDS};
  if (fd < 0) return fd;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  return fd;
}

/* One request, and every datagram of its answer; after half an answer, nothing more is read from that socket. */
static int exchange(const void *message, size_t length, reply *out) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (asking < 0 && (asking = open_asking()) < 0) return errno;
  ssize_t sent = sendto(asking, message, length, 0, (struct sockaddr *)&kernel, sizeof kernel);
  int error = sent < 0 ? errno : receive(asking, out);
  if (!out->whole) asking = (close(asking), -1);
  return error;
}

static napi_value request(napi_env env, napi_callback_info info) {
  size_t argc = 1, length = 0;
  napi_value argument, result, data, interrupted;
  void *message = NULL;
  bool is_buffer = false;
  if (napi_get_cb_info(env, info, &argc, &argument, NULL, NULL) != napi_ok || argc < 1 ||
      napi_is_buffer(env, argument, &is_buffer) != napi_ok || !is_buffer ||
      napi_get_buffer_info(env, argument, &message, &length) != napi_ok || length < sizeof(struct nlmsghdr))
    return fail(env, "ERR_INVALID_ARG_TYPE", "a request is a Buffer that holds a netlink message");

  reply answer = {0};
  int error = exchange(message, length, &answer);
  bool built = napi_create_object(env, &result) == napi_ok && set_number(env, result, "errno", error) &&
               napi_get_boolean(env, answer.interrupted, &interrupted) == napi_ok &&
               napi_set_named_property(env, result, "interrupted", interrupted) == napi_ok &&
               napi_create_buffer_copy(env, answer.length, answer.data == NULL ? "" : answer.data, NULL, &data) ==
                   napi_ok &&
               napi_set_named_property(env, result, "data", data) == napi_ok;
  free(answer.data);
  return built ? result : fail(env, "ENAPI", "cannot build the result");
}

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
    int error = sendto(fd, data, length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? errno : receive(fd, &answer);
    free(answer.data);
    if (error != 0) return error;
  }
  return 0;
}

static int listener_socket(napi_env env, uint32_t group, napi_value messages, int *out) {
  int fd = open_netlink(), size = HEARD_BUFFER, error = 0;
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

static napi_value start_listening(napi_env env, napi_callback_info info) {
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
static napi_value stop_listening(napi_env env, napi_callback_info info) {
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

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"open", NULL, context_open, NULL, NULL, NULL, napi_enumerable, NULL},
      {"run", NULL, context_run, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, context_close, NULL, NULL, NULL, napi_enumerable, NULL},
      {"request", NULL, request, NULL, NULL, NULL, napi_enumerable, NULL},
      {"listen", NULL, start_listening, NULL, NULL, NULL, napi_enumerable, NULL},
      {"unlisten", NULL, stop_listening, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) != napi_ok)
    return fail(env, "ENAPI", "cannot define the functions");
  return exports;
}
