{
  "targets": [
    {
      "target_name": "systemd_notify",
      "sources": ["notify.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags": ["-std=c17", "-Wall", "-Wextra", "-Wshadow", "-Wno-unused-parameter", "-Werror"]
    }
  ]
}
