{
  "targets": [
    {
      "target_name": "nftables",
      "sources": ["nftables.c", "request.c", "listen.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags": ["-std=gnu11", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror", "<!@(pkg-config --cflags libnftables)"],
      "libraries": ["<!@(pkg-config --libs libnftables)"]
    }
  ]
}
