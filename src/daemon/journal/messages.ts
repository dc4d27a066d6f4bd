/**
 * The catalogue of events: every kind that the supervisor tells of, in the journal, the API and the CLI alike. From it come
 * the journal's message catalogue (`systemd/opencode-supervisor.catalog`, `journalctl -x`) and docs/reference/events.md.
 * A kind's id is its `MESSAGE_ID` (systemd.journal-fields(7)), made by `journalctl --new-id128`, and never changes.
 */

export interface EventKind {
  readonly id: string;
  /** One line; `@FIELD@` stands for a field of the entry, as journal catalogues have it. */
  readonly subject: string;
  /** What it means and what a person does about it; a paragraph each. */
  readonly text: readonly string[];
  /** Fields beside the instance, as the API names them; `OPENCODE_<NAME>=` in the journal. */
  readonly fields: Readonly<Record<string, string>>;
}

export const EVENTS = {
  state: {
    id: "31f59b52e02247d6512fa5d46b053ac3",
    subject: "Instance @OPENCODE_INSTANCE@ is now @OPENCODE_STATE@",
    text: [
      "The instance changed state; a failure names its cause in the message.",
      "How it is now: opencode-supervisor show @OPENCODE_INSTANCE@. What it wrote: journalctl -u opencode-@OPENCODE_INSTANCE@.service.",
    ],
    fields: { state: "the new state" },
  },
  blocked: {
    id: "f56b5e74aeab45986f0972d3536bf74d",
    subject: "A step of instance @OPENCODE_INSTANCE@ could not be done",
    text: [
      "The message says what stands in the way and what to do. The instance is not started until it is gone, or runs on as it was.",
      "The step is tried again by itself, after a second at first and a minute at last. To have it tried now: opencode-supervisor reload.",
    ],
    fields: { step: "the step: admit, prepare, slice, policy, start, …" },
  },
  file: {
    id: "33f57c161999727b1364919d8417128b",
    subject: "The instance file has a mistake",
    text: [
      "What is wrong is not taken in: what was good before stays in force, for this instance or for the whole file.",
      "All mistakes at once: opencode-supervisor validate /etc/opencode/instances.json.",
    ],
    fields: { field: "the field, dotted as in the file" },
  },
  adopted: {
    id: "633b9580b6070e719451c3f858c14d45",
    subject: "The supervisor found @OPENCODE_INSTANCES@ instances at its start",
    text: ["They run on as they were; none was restarted for it."],
    fields: { instances: "how many" },
  },
  gone: {
    id: "a47a10f1d255458f8a74a1637b669511",
    subject: "Instance @OPENCODE_INSTANCE@ is gone",
    text: [
      "It is no longer wanted, and nothing is left of it but its state, which the supervisor never deletes.",
      "Where that is: opencode-supervisor status.",
    ],
    fields: {},
  },
  asked: {
    id: "1232d8c8e6264f5eae1960e9fcec8f16",
    subject: "Somebody asked for @OPENCODE_ACTION@ of instance @OPENCODE_INSTANCE@",
    text: [
      "It came over the control socket, which only root can use: opencode-supervisor start, stop, restart and so on.",
    ],
    fields: { action: "start, stop, restart, setup or reset" },
  },
  socket: {
    id: "b9273cbe4a61460882c3440ca574ba66",
    subject: "A Unix socket of instance @OPENCODE_INSTANCE@: @OPENCODE_NEWS@",
    text: [
      "@OPENCODE_PATH@ is in its sandbox.unixSockets.allow. A socket that its server made anew is bound into the running instance again; one that is not there yet is bound as soon as it is.",
      "Refused is what others than root or the socket's server could have put there: a link, or anything in a directory that everybody can write. See docs/sandbox.md.",
    ],
    fields: { news: "bound, absent or refused", path: "the socket's path" },
  },
  rotated: {
    id: "1ceea96ce67a48ff9f80698e3a6c736d",
    subject: "Instance @OPENCODE_INSTANCE@ is restarted for what changed in @OPENCODE_FILES@",
    text: [
      "The content of these files is another than the instance was started with, and it asks for a restart then (restartOnSecretChange).",
      "Others that use the same files and do not ask for it run on with what they have: filesChanged in opencode-supervisor show.",
    ],
    fields: { files: "the fields that name the files: environmentFile, configFile, passwordFile" },
  },
  trouble: {
    id: "3f92bf78ebb632cfb149bcf93166cfdf",
    subject: "Something of the host failed",
    text: [
      "It concerns no one instance: systemd's bus, the kernel's tables, the file system. The supervisor goes on and tries again.",
      "What it lacks on this host, and the remedy: opencode-supervisor doctor.",
    ],
    fields: { what: "what failed", error: "the error" },
  },
  refused: {
    id: "af2e168bc6e548af90a66082ac207704",
    subject: "Instance @OPENCODE_INSTANCE@ was refused a destination",
    text: [
      "An agent in it, or the server, tried to reach what networkIsolation does not allow; in audit mode it was let through.",
      "If it is meant to reach it, the message has the line to write. All of them: opencode-supervisor blocked @OPENCODE_INSTANCE@ --suggest.",
    ],
    fields: {
      packets: "how many packets this is about",
      destination: "the address",
      port: "the port; of ICMP type and code",
      protocol: "tcp, udp, …",
      first_seen: "when it was first met; ISO 8601, UTC",
      last_seen: "when it was last met",
    },
  },
  repaired: {
    id: "3152e0a90333445e8aff2e08d48e2e71",
    subject: "Network policies were gone or changed, and were put back",
    text: [
      "Something else on this host changed the table inet opencode_supervisor: the message says who, and which policies were not in force meanwhile.",
      "What other software may do there, and how to keep it from it: docs/network.md.",
    ],
    fields: {
      by: "who changed them, as far as the kernel says",
      lost: "how many policies were not in force meanwhile",
      failed: "how many could not be put back yet",
      took_ms: "milliseconds",
    },
  },
  unobserved: {
    id: "0ab33169fdcb4e2dab23a46d11351d28",
    subject: "The network policy of instance @OPENCODE_INSTANCE@ was not observed at work",
    text: [
      "It was committed and read back from the kernel, and yet a packet from inside did not come through it: other software may drop or mark packets on loopback.",
      "See docs/network.md.",
    ],
    fields: {},
  },
} as const satisfies Readonly<Record<string, EventKind>>;

export type MessageKind = keyof typeof EVENTS;

export const isKind = (value: unknown): value is MessageKind =>
  typeof value === "string" && Object.hasOwn(EVENTS, value);

/** Every kind with its entry. */
export const eventKinds = (): readonly (readonly [string, EventKind])[] => Object.entries(EVENTS);
