import runtime from "./runtime.json" with { type: "json" };

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
export const RUNTIME: Readonly<Record<"fhs" | "nixos", Pick<Host, "runtimePaths" | "path">>> = runtime;
