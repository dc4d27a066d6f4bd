/*
 * send(address, state): one datagram to systemd's notification socket (sd_notify(3), "Notes": the protocol is stable
 * and may be spoken without libsystemd). Node has no AF_UNIX datagram sockets, and NotifyAccess=main refuses what a
 * spawned systemd-notify sends, so the process does it itself.
 */
#include <errno.h>
#include <malloc.h>
#include <node_api.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Seconds to wait for a receiver whose queue is full, as while systemd reloads. */
#define SEND_TIMEOUT 1

/* Returns 0, or the errno of what failed. */
static int send_state(const char *address, size_t address_length, const char *state, size_t state_length)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (address_length >= sizeof to.sun_path)
		return ENAMETOOLONG;
	if (address_length < 2 || (address[0] != '/' && address[0] != '@'))
		return EAFNOSUPPORT;
	memcpy(to.sun_path, address, address_length);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	/* An abstract name is exactly as long as it is; a path ends with its NUL. */
	size_t length = offsetof(struct sockaddr_un, sun_path) + address_length + (address[0] == '/');

	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	struct timeval timeout = { .tv_sec = SEND_TIMEOUT };
	int error = 0;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0 ||
	    sendto(fd, state, state_length, MSG_NOSIGNAL, (struct sockaddr *)&to, (socklen_t)length) < 0)
		error = errno;
	close(fd);
	return error;
}

static napi_value fail(napi_env env, const char *address, int error)
{
	char message[256];
	snprintf(message, sizeof message, "sd_notify to %.128s: %s", address, strerror(error));
	const char *name = strerrorname_np(error);
	napi_throw_error(env, name, message);
	return NULL;
}

static napi_value send_js(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	size_t argc = 2, address_length, state_length;
	char address[256], state[4096];
	if (napi_get_cb_info(env, info, &argc, args, NULL, NULL) != napi_ok || argc != 2 ||
	    napi_get_value_string_utf8(env, args[0], address, sizeof address, &address_length) != napi_ok ||
	    napi_get_value_string_utf8(env, args[1], NULL, 0, &state_length) != napi_ok) {
		napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "send(address, state) takes two strings");
		return NULL;
	}
	if (state_length >= sizeof state)
		return fail(env, address, EMSGSIZE);
	napi_get_value_string_utf8(env, args[1], state, sizeof state, &state_length);
	int error = send_state(address, address_length, state, state_length);
	return error == 0 ? NULL : fail(env, address, error);
}

/* trim(): what services do that are asked to release memory (sd_event_trim_memory(3)). musl keeps none to give back. */
static napi_value trim_js(napi_env env, napi_callback_info info)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	return NULL;
}

NAPI_MODULE_INIT()
{
	const napi_property_descriptor functions[] = {
		{ "send", NULL, send_js, NULL, NULL, NULL, napi_default, NULL },
		{ "trim", NULL, trim_js, NULL, NULL, NULL, napi_default, NULL },
	};
	if (napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) != napi_ok)
		return NULL;
	return exports;
}
