/**
 * The instance file: `/etc/opencode/instances.json`. This schema is the one source for the types below, for validation
 * (`shape.ts`), for the published JSON Schema (`systemd/instances.schema.json`) and for the table of fields in
 * `docs/reference/instance-file.md`. What a `format` means and what is said of a text that breaks it: `formats.ts`.
 *
 * Every key with a `default` may be left out; the loader fills it in, so an {@link InstanceInput} has every key.
 * `null` means "not set" and lets `resolve.ts` derive the value from the instance's name.
 */
import { type Static, Type } from "typebox";

const closed = { additionalProperties: false } as const;
const text = (description: string) => Type.String({ description });
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(inner: T, description: string) =>
  Type.Union([inner, Type.Null()], { default: null, description });
const list = <T extends Parameters<typeof Type.Array>[0]>(inner: T, description: string) =>
  Type.Array(inner, { default: [], description });
const flag = (on: boolean, description: string) => Type.Boolean({ default: on, description });

/** An absolute path without `.`, `..`, empty components or a trailing slash. */
export const AbsolutePath = Type.String({
  pattern: "^/([^/\\u0000-\\u001f]+(/[^/\\u0000-\\u001f]+)*)?$",
  maxLength: 4095,
  format: "absolute-path",
});
const Port = Type.Integer({ minimum: 1, maximum: 65535 });
/** `address/prefix` with no host bits set, or a bare address; checked by ipaddr.js. */
const Cidr = Type.String({ format: "cidr" });
const IpAddress = Type.String({ format: "ip" });
/** A systemd size: bytes, or a number with K, M, G or T (1024-based), or a percentage of physical memory. */
const Size = Type.Union([
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  Type.String({ pattern: "^[1-9][0-9]*[KMGT%]?$", format: "size" }),
]);
/** Text that reaches a unit: no control characters but tab. */
const UnitText = Type.String({ format: "unit-text" });
const Script = Type.String({ maxLength: 65536, format: "script" });
const AccountName = Type.String({ pattern: "^[a-z_][a-z0-9_-]*$", maxLength: 31, format: "account-name" });
const DirectiveValue = Type.Union([UnitText, Type.Number(), Type.Boolean()]);

export const Listen = Type.Object(
  {
    address: Type.String({ default: "127.0.0.1", format: "ip", description: "address the server binds" }),
    port: Type.Integer({ minimum: 1, maximum: 65535, description: "TCP port the server binds" }),
    extraPorts: list(Port, "further TCP ports of the instance that others may connect to"),
    allowFrom: list(Cidr, "clients (CIDRs) beyond loopback that may connect when the address is not loopback"),
  },
  closed,
);

/** Feature switches of `opencode serve`; each is an environment variable of the same meaning. */
export const Features = Type.Object(
  {
    autoupdate: flag(false, "let opencode update itself"),
    modelsFetch: flag(false, "fetch the model catalogue from the vendor at start"),
    lspDownload: flag(false, "download language servers on demand"),
    share: flag(false, "allow sessions to be shared through the vendor's service"),
    defaultPlugins: flag(true, "load opencode's built-in plugins"),
    claudeCode: flag(true, "read CLAUDE.md and Claude Code skills"),
    projectConfig: flag(true, "read opencode.json and .opencode from the project"),
    autocompact: flag(true, "compact long sessions automatically"),
    prune: flag(true, "prune old tool output from the context"),
    fileWatcher: flag(true, "watch the project for changes"),
    exa: flag(false, "enable the Exa web search tools"),
    experimental: flag(false, "enable every experimental feature"),
  },
  { ...closed, default: {} },
);

export const Limits = Type.Object(
  {
    memoryMax: nullable(Size, "hard memory limit (MemoryMax=)"),
    tasksMax: Type.Integer({ default: 512, minimum: 1, maximum: 4194304, description: "most tasks (TasksMax=)" }),
    cpuQuota: nullable(
      Type.String({ pattern: "^[1-9][0-9]*%$", format: "percentage" }),
      "CPU time, 100% is one core (CPUQuota=)",
    ),
    hookTimeout: Type.Integer({
      default: 90,
      minimum: 1,
      maximum: 3600,
      description: "seconds that setup may take, its hooks included",
    }),
  },
  { ...closed, default: {} },
);

export const Sandbox = Type.Object(
  {
    readWritePaths: list(AbsolutePath, "further paths the instance may write"),
    readOnlyPaths: list(AbsolutePath, "further paths the instance may read"),
    unixSockets: Type.Object(
      { allow: list(AbsolutePath, "Unix sockets the instance may connect to") },
      { ...closed, default: {} },
    ),
    serviceConfig: Type.Record(Type.String(), Type.Union([DirectiveValue, Type.Array(DirectiveValue)]), {
      default: {},
      propertyNames: Type.String({ pattern: "^[A-Z][A-Za-z0-9]*$", format: "directive-name" }),
      description: "systemd directives of [Service], merged last; reported as a relaxation",
    }),
  },
  { ...closed, default: {} },
);

export const NetworkIsolation = Type.Object(
  {
    enable: flag(false, "let the instance reach only what is listed here"),
    mode: Type.Union([Type.Literal("enforce"), Type.Literal("audit")], {
      default: "enforce",
      description: "audit records what would be refused and refuses nothing",
    }),
    outboundAllowCidrs: list(Cidr, "destinations the instance may open connections to"),
    dns: nullable(
      Type.Array(IpAddress),
      "resolvers the instance may ask on port 53 (TCP and UDP), which leads nowhere else; the host's own (/etc/resolv.conf) when null, none when []",
    ),
    allowLoopbackPorts: list(
      Port,
      "TCP and UDP ports on this host the instance may reach, other instances' servers among them; isolated or not",
    ),
    connectionsMax: Type.Integer({
      default: 4096,
      minimum: 16,
      maximum: 1048576,
      description:
        "most flows at once in the host's connection table that the instance has opened, UDP and loopback among them; isolated or not",
    }),
    logging: Type.Object(
      {
        ratePerMinute: Type.Integer({
          default: 5,
          minimum: 1,
          maximum: 6000,
          description: "kernel log lines a minute, and as many of the supervisor's about new destinations",
        }),
        burst: Type.Integer({ default: 5, minimum: 1, maximum: 1000, description: "kernel log lines at once" }),
        summarySeconds: Type.Integer({
          default: 60,
          minimum: 10,
          maximum: 86400,
          description: "how often the journal is told how much more was refused",
        }),
        mute: list(
          Cidr,
          "destinations that are known noise: refused and counted like all others, but neither logged nor shown",
        ),
      },
      { ...closed, default: {} },
    ),
  },
  { ...closed, default: {} },
);

export const Instance = Type.Object(
  {
    enable: flag(true, "whether the instance is to run"),
    package: nullable(AbsolutePath, "directory of an opencode package: its bin/opencode is run"),
    command: nullable(
      Type.Array(Type.String({ minLength: 1, format: "unit-text" }), { minItems: 1 }),
      "program (and leading arguments) to run in place of `opencode`",
    ),
    directory: { ...AbsolutePath, description: "the project the agent works in" },
    stateDir: nullable(AbsolutePath, "HOME of the instance; /var/lib/opencode/instance-state/<name> when null"),
    user: nullable(AccountName, "user the instance runs as; opencode-<name>, made when missing, when null"),
    group: nullable(AccountName, "primary group; the same name as the user when null"),
    extraGroups: list(AccountName, "supplementary groups"),
    listen: Listen,
    openFirewall: flag(false, "open listen.port in the host's firewall (done by the NixOS module)"),
    passwordFile: nullable(AbsolutePath, "file holding the server's password; made once and kept when null"),
    environment: Type.Record(Type.String(), UnitText, {
      default: {},
      propertyNames: Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]*$", format: "variable-name" }),
      description: "environment variables, readable by every local user",
    }),
    environmentFile: nullable(AbsolutePath, "file of NAME=value lines read by systemd at start; wins over environment"),
    restartOnSecretChange: flag(
      false,
      "restart the instance when the content of its environmentFile, configFile or passwordFile changes",
    ),
    path: list(AbsolutePath, "directories put first on PATH"),
    extraArgs: list(UnitText, "arguments appended to `opencode serve`, in order"),
    logLevel: nullable(
      Type.Union([Type.Literal("DEBUG"), Type.Literal("INFO"), Type.Literal("WARN"), Type.Literal("ERROR")]),
      "opencode's own log level",
    ),
    features: Features,
    limits: Limits,
    configFile: nullable(AbsolutePath, "opencode.json to use as it stands; wins over config"),
    config: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "opencode.json, literally; model and provider belong in here",
    }),
    configDirFiles: Type.Record(Type.String(), AbsolutePath, {
      default: {},
      propertyNames: Type.String({ format: "relative-path" }),
      description: "files projected under ~/.config/opencode/: relative path to source",
    }),
    preInitScript: nullable(Script, "shell text run before setup, as the instance's user"),
    postInitScript: nullable(Script, "shell text run after setup, as the instance's user"),
    sandbox: Sandbox,
    networkIsolation: NetworkIsolation,
    dropIn: nullable(
      Type.Object({ hash: Type.String({ pattern: "^[0-9a-f]{64}$", format: "sha256" }) }, closed),
      "written by the NixOS module: both units have their commands from drop-ins, of which this is the hash",
    ),
  },
  closed,
);

/** The whole file. `version` is 1; anything else is refused with the version that is understood. */
export const InstanceFile = Type.Object(
  {
    $schema: Type.Optional(text("ignored; lets an editor find this schema")),
    version: Type.Literal(1, { description: "version of this format" }),
    instances: Type.Record(Type.String(), Instance, {
      propertyNames: Type.String({ pattern: "^[a-z]([a-z0-9-]*[a-z0-9])?$", maxLength: 63 }),
      description: "the instances by name",
    }),
  },
  closed,
);

/** One instance as the file has it, with every default filled in. */
export type InstanceInput = Static<typeof Instance>;
export type InstanceFile = Static<typeof InstanceFile>;

/** One instance, named, with everything that follows from its name filled in; what the rest of the program works on. */
export type InstanceSpec = Readonly<
  Omit<InstanceInput, "stateDir" | "user" | "group" | "networkIsolation"> & {
    networkIsolation: Omit<Static<typeof NetworkIsolation>, "dns"> & { dns: readonly string[] };
    name: string;
    stateDir: string;
    user: string;
    group: string;
    /** Whether {@link user} is the default one, which the supervisor has sysusers make. */
    ownUser: boolean;
  }
>;
