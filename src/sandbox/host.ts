/** What the host was found to have. Probed by the daemon at start; plain data here. */
export interface Host {
  /** Major version of the running systemd. */
  readonly systemdVersion: number;
  /** Whether Landlock's abstract-socket and signal scopes can be had (ABI 6, Linux 6.12): `opencode-init --probe`. */
  readonly landlockScopes: boolean;
  readonly programs: {
    /** opencode-init. */
    readonly init: string;
    readonly node: string;
    /** `dist/setup/main.js`; its folder is bound with it. */
    readonly setup: string;
    /** POSIX shell for the hooks. */
    readonly shell: string;
  };
  /** Bound read-only at their own paths so that programs run at all; with a leading `-`, ignored when missing. */
  readonly runtimePaths: readonly string[];
  /** Directories that end every instance's PATH. */
  readonly path: readonly string[];
}

/** {@link Host.runtimePaths} and {@link Host.path} by the kind of host; the few files of /etc that libc, TLS and git read. */
export const RUNTIME = {
  fhs: {
    runtimePaths: [
      "/usr",
      "-/bin",
      "-/sbin",
      "-/lib",
      "-/lib64",
      "-/etc/alternatives",
      "-/etc/ca-certificates",
      "-/etc/gitconfig",
      "-/etc/group",
      "-/etc/hosts",
      "-/etc/ld.so.cache",
      "-/etc/localtime",
      "-/etc/nsswitch.conf",
      "-/etc/passwd",
      "-/etc/pki",
      "-/etc/resolv.conf",
      "-/etc/ssl",
    ],
    path: ["/usr/local/bin", "/usr/bin", "/bin"],
  },
  nixos: {
    runtimePaths: [
      "/nix/store",
      "-/bin/sh",
      "-/usr/bin/env",
      "-/etc/gitconfig",
      "-/etc/group",
      "-/etc/hosts",
      "-/etc/localtime",
      "-/etc/nsswitch.conf",
      "-/etc/passwd",
      "-/etc/resolv.conf",
      "-/etc/ssl",
    ],
    path: [],
  },
} as const satisfies Record<string, Pick<Host, "runtimePaths" | "path">>;
