/*
 * A libnftables context (libnftables(3)), as JavaScript has it.
 *
 *   open(json) -> handle            run(handle, text) -> { rc, output, error }            close(handle)
 *
 * What is checked here is what would otherwise end the process: libnftables calls exit() when it cannot open its socket.
 */
#include <errno.h>
#include <malloc.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addon.h"

enum { LARGE = 1 << 16 };

static const napi_type_tag CONTEXT_TAG = {0x6e66745f636f6e74ULL, 0x6578745f6e617069ULL};

typedef struct {
  struct nft_ctx *nft;
} context;

napi_value fail(napi_env env, const char *code, const char *message) {
  napi_throw_error(env, code, message);
  return NULL;
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

  int probe = open_netlink(NETLINK_NETFILTER);
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

bool set_number(napi_env env, napi_value object, const char *key, int number) {
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
