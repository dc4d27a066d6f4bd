/** All commands. Each is a file of its own, loaded when asked for. */
import { type Command, JSON_OPTION, MAYBE_ONE, ONE } from "./command.ts";

const FOLLOW = { follow: { type: "boolean", short: "f", help: "go on as more comes, until ended" } } as const;
const WAIT = { wait: { type: "boolean", help: "until it is ready, or has failed" } } as const;
const WAIT_ALL = { wait: { type: "boolean", help: "until all are ready, or have failed" } } as const;

/** What is asked over the control socket. */
const control = (action: string, help: string): Command => ({
  ...{ args: ONE, options: { ...WAIT, ...JSON_OPTION }, help },
  run: async ({ args, options }) => (await import("./control.ts")).control(action, args[0] ?? "", options),
});

export const COMMANDS: Readonly<Record<string, Command>> = {
  status: {
    ...{ args: MAYBE_ONE, options: JSON_OPTION, help: "how the instances are, and what is wrong" },
    run: async ({ args, options }) => (await import("./status.ts")).status(args[0], options.json === true),
  },
  instances: {
    args: [],
    options: {
      ...{ state: { type: "string", value: "STATE", help: "only those in this state" } },
      ...{ names: { type: "boolean", help: "only the names, one a line" } },
      ...JSON_OPTION,
    },
    help: "the table of instances alone",
    run: async ({ options }) => (await import("./status.ts")).instances(options),
  },
  show: {
    ...{ args: ONE, options: JSON_OPTION, help: "everything known of one instance, with what it uses" },
    run: async ({ args, options }) => (await import("./status.ts")).status(args[0], options.json === true),
  },
  logs: {
    args: ONE,
    options: {
      ...FOLLOW,
      lines: { type: "string", short: "n", value: "N", help: "how many of the last lines; 100, 1000 at most" },
      ...JSON_OPTION,
    },
    help: "what its server and setup wrote",
    run: async ({ args, options }) => (await import("./logs.ts")).logs(args[0] ?? "", options),
  },
  blocked: {
    args: MAYBE_ONE,
    options: {
      suggest: { type: "boolean", help: "what to write to allow it" },
      follow: { type: "boolean", short: "f", help: "go on as more comes, until ended" },
      all: { type: "boolean", help: "also what logging.mute names" },
      ...JSON_OPTION,
    },
    help: "what was refused, with the line that allows it",
    run: async ({ args, options }) => (await import("./blocked.ts")).blocked(args[0], options),
  },
  events: {
    ...{ args: MAYBE_ONE, options: { ...FOLLOW, ...JSON_OPTION }, help: "what happened of late" },
    run: async ({ args, options }) => (await import("./events.ts")).events(args[0], options),
  },
  start: {
    ...{ args: MAYBE_ONE, options: { ...WAIT, ...JSON_OPTION } },
    help: "start it, stopped or failed; without NAME all, and wait for them",
    run: async ({ args: [name], options }) =>
      name === undefined
        ? (await import("./reload.ts")).startAll(options)
        : (await import("./control.ts")).control("start", name, options),
  },
  stop: control("stop", "stop it; it stays so until started, or changed in the file"),
  restart: control("restart", "restart its server; one that is not up is started"),
  setup: control("setup", "stop it, do its setup again, start it"),
  reset: control("reset", "forget failures; what is blocked is tried at once"),
  reload: {
    ...{
      args: [],
      options: { ...WAIT_ALL, ...JSON_OPTION },
      help: "take the instance file in, say what is wrong afterwards",
    },
    run: async ({ options }) => (await import("./reload.ts")).reload(options),
  },
  validate: {
    ...{ args: [{ name: "FILE", kind: "required" }], options: JSON_OPTION, help: "every mistake in an instance file" },
    run: async ({ args, options }) => (await import("./validate.ts")).validate(args[0] ?? "", options.json === true),
  },
  diff: {
    ...{
      args: [{ name: "FILE", kind: "required" }],
      options: JSON_OPTION,
      help: "what a reload with this file would do",
    },
    run: async ({ args, options }) => (await import("./diff.ts")).diff(args[0] ?? "", options.json === true),
  },
  explain: {
    args: ONE,
    options: {
      file: { type: "string", value: "FILE", help: "instead of the installed instance file" },
      ...JSON_OPTION,
    },
    help: "its settings, unit and policy, and where each comes from",
    run: async ({ args, options }) => (await import("./explain.ts")).explain(args[0] ?? "", options),
  },
  credentials: {
    ...{ args: ONE, options: JSON_OPTION, help: "address, user and password of its server (root)" },
    run: async ({ args, options }) =>
      (await import("./credentials.ts")).credentials(args[0] ?? "", options.json === true),
  },
  attach: {
    args: [...ONE, { name: "ARGUMENT", kind: "many" }],
    options: {
      program: { type: "string", value: "PATH", help: "the opencode to run; else the one on PATH" },
      json: { type: "boolean", help: "what would be run, as JSON, without running it" },
    },
    help: "opencode's own interface to it (root)",
    run: async ({ args, options }) => (await import("./credentials.ts")).attach(args[0] ?? "", args.slice(1), options),
  },
  doctor: {
    ...{ args: [], options: JSON_OPTION, help: "what this host lacks, with the remedy" },
    run: async ({ options }) => (await import("./doctor.ts")).doctor(options.json === true),
  },
  dashboard: {
    args: [],
    options: {
      ...{ port: { type: "string", short: "p", value: "PORT", help: "to listen on; one that is free when left out" } },
      ...{ address: { type: "string", value: "ADDRESS", help: "a loopback address; 127.0.0.1 when left out" } },
      json: { type: "boolean", help: "the link as JSON, for programs" },
    },
    help: "a page to look at, on loopback, for your browser alone",
    run: async ({ options }) => (await import("./dashboard.ts")).dashboard(options),
  },
  teardown: {
    ...{ args: [], options: JSON_OPTION, help: "stop all, leave no unit, slice, table or root; state stays" },
    run: async ({ options }) => (await import("./teardown.ts")).teardown(options.json === true),
  },
  completions: {
    args: [{ name: "SHELL", kind: "optional" }],
    options: { json: { type: "boolean", help: "every command, argument and option as JSON, for programs" } },
    help: "for bash, zsh or fish",
    run: async ({ args, options }) => (await import("./completions.ts")).completions(args[0], options.json === true),
  },
  daemon: {
    args: [],
    options: { json: { type: "boolean", help: "its log as lines of JSON also where systemd starts it" } },
    help: "run the supervisor (systemd starts it)",
    run: async ({ options }) => (await import("./daemon.ts")).daemon(options.json === true),
  },
};
