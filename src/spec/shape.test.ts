/** Mistakes that the schema finds, each with all that is said of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { good, parseInstances, said } from "./fixtures.ts";

type Row = readonly [title: string, instance: unknown, ...problems: readonly string[]];

const CIDR_FIX = 'write an address or a network such as "10.0.0.0/8" or "fd00::/8"';
const cidr = (text: string): object => good({ networkIsolation: { outboundAllowCidrs: [text] } });
const CIDR = "networkIsolation.outboundAllowCidrs[0]";
const ACCOUNT_FIX = 'write a name of a-z, 0-9, "_" and "-" that starts with a letter or "_", 31 characters at most';

const ROWS: readonly Row[] = [
  ["a misspelt key", { ...good(), lisen: {} }, 'lisen: unknown key "lisen"; did you mean "listen"?'],
  [
    "a key in another case",
    good({ configfile: "/x" }),
    'configfile: unknown key "configfile"; did you mean "configFile"?',
  ],
  ["a key of another object", good({ port: 1 }), 'port: unknown key "port"; did you mean "listen.port"?'],
  [
    "a misspelt key further in",
    good({ sandbox: { unixSockets: { alow: [] } } }),
    'sandbox.unixSockets.alow: unknown key "alow"; did you mean "allow"?',
  ],
  [
    "a key like no other",
    good({ limits: { frobnicate: 1 } }),
    'limits.frobnicate: unknown key "frobnicate"; remove it; the keys known here are memoryMax, tasksMax, cpuQuota, hookTimeout',
  ],
  [
    "nothing",
    {},
    "directory: is missing; write an absolute path",
    'listen: is missing; write an object, at least {"port": …}',
  ],
  ["no port", good({ listen: {} }), "listen.port: is missing; write a whole number from 1 to 65535"],
  [
    "a port in quotes",
    good({ listen: { port: "8787" } }),
    'listen.port: "8787" is not a whole number; write a whole number from 1 to 65535',
  ],
  [
    "a port too high",
    good({ listen: { port: 70000 } }),
    "listen.port: 70000 is more than 65535; write a whole number from 1 to 65535",
  ],
  ["port 0", good({ listen: { port: 0 } }), "listen.port: 0 is less than 1; write a whole number from 1 to 65535"],
  [
    "half a port",
    good({ listen: { port: 1.5 } }),
    "listen.port: 1.5 is not a whole number; write a whole number from 1 to 65535",
  ],
  [
    "null where something must be",
    good({ directory: null }),
    "directory: null is not an absolute path; write an absolute path",
  ],
  ["text for a switch", good({ enable: "yes" }), 'enable: "yes" is not true or false; write true or false'],
  [
    "a value that is not in the list",
    good({ logLevel: "debug" }),
    'logLevel: "debug" is not "DEBUG", "INFO", "WARN" or "ERROR"; write "DEBUG", "INFO", "WARN" or "ERROR"',
  ],
  [
    "a mode that is not in the list",
    good({ networkIsolation: { mode: "off" } }),
    'networkIsolation.mode: "off" is not "enforce" or "audit"; write "enforce" or "audit"',
  ],
  [
    "an empty command",
    good({ command: [] }),
    "command: is an empty list; write a list of at least one item, each one line of text",
  ],
  ["an empty word in a command", good({ command: ["x", ""] }), "command[1]: is empty; write one line of text"],
  ["a list for text", good({ preInitScript: ["x"] }), "preInitScript: a list is not shell text; write shell text"],
  [
    "a script too long",
    good({ preInitScript: "x".repeat(70000) }),
    "preInitScript: is longer than 65536 characters; write shell text",
  ],
  [
    "NUL in a script",
    good({ postInitScript: "a\0b" }),
    "postInitScript: holds a NUL character or broken text; write plain shell text",
  ],
  [
    "a relative directory",
    good({ directory: "a" }),
    'directory: "a" is not an absolute path; write an absolute path, such as "/srv/project"',
  ],
  [
    "a home directory",
    good({ directory: "~/a" }),
    'directory: "~/a" is not an absolute path; write an absolute path, such as "/srv/project"',
  ],
  [
    "a colon on PATH",
    good({ path: ["/opt/a:b"] }),
    'path[0]: "/opt/a:b" holds a blank, a colon, a quote or a backslash, which systemd cannot bind reliably; write a path without them; a symbolic link can lead there',
  ],
  [
    "a blank in a path",
    good({ directory: "/srv/My Project" }),
    'directory: "/srv/My Project" holds a blank, a colon, a quote or a backslash, which systemd cannot bind reliably; write a path without them; a symbolic link can lead there',
  ],
  [
    "a path with ..",
    good({ directory: "/srv/../a" }),
    'directory: "/srv/../a" has a "." or ".." or a "/" too many; write "/a"',
  ],
  [
    "a path with a slash at its end",
    good({ stateDir: "/srv/s/" }),
    'stateDir: "/srv/s/" has a "." or ".." or a "/" too many; write "/srv/s"',
  ],
  [
    "a path with a line break",
    good({ directory: "/a\nb" }),
    'directory: "/a\\u000ab" holds a control character or broken text; write an absolute path, such as "/srv/project"',
  ],
  [
    "a path too long",
    good({ directory: `/${"a/".repeat(2100)}b` }),
    'directory: is longer than 4095 bytes; write an absolute path, such as "/srv/project"',
  ],
  [
    "a path too deep",
    good({ directory: "/a".repeat(200) }),
    'directory: has more than 128 components; write an absolute path, such as "/srv/project"',
  ],
  [
    "a relative path in a list",
    good({ path: ["/bin", "bin"] }),
    'path[1]: "bin" is not an absolute path; write an absolute path, such as "/srv/project"',
  ],
  [
    "an address that is a name",
    good({ listen: { port: 1, address: "localhost" } }),
    'listen.address: "localhost" is not an IP address; write an address such as "127.0.0.1" or "::1"',
  ],
  [
    "an address with a zone",
    good({ listen: { port: 1, address: "fe80::1%eth0" } }),
    'listen.address: "fe80::1%eth0" has a zone id; leave out what follows the %; link-local addresses cannot be used',
  ],
  [
    "IPv4 in IPv6 form",
    good({ listen: { port: 1, address: "::ffff:10.0.0.1" } }),
    'listen.address: "::ffff:10.0.0.1" is an IPv4 address in IPv6 form; write it with the IPv4 address 10.0.0.1',
  ],
  [
    "an address of three parts",
    good({ networkIsolation: { dns: ["10.1.1"] } }),
    'networkIsolation.dns[0]: "10.1.1" is not an IP address; write an address such as "127.0.0.1" or "::1"',
  ],
  ["host bits", cidr("10.0.0.5/8"), `${CIDR}: "10.0.0.5/8" has host bits set; write "10.0.0.0/8" or "10.0.0.5/32"`],
  ["host bits in IPv6", cidr("fd00::5/8"), `${CIDR}: "fd00::5/8" has host bits set; write "fd00::/8" or "fd00::5/128"`],
  ["a prefix too long", cidr("10.0.0.0/33"), `${CIDR}: "10.0.0.0/33" has no prefix length from 0 to 32; ${CIDR_FIX}`],
  [
    "a netmask",
    cidr("10.0.0.0/255.0.0.0"),
    `${CIDR}: "10.0.0.0/255.0.0.0" has no prefix length from 0 to 32; ${CIDR_FIX}`,
  ],
  ["an octal address", cidr("010.0.0.0/8"), `${CIDR}: "010.0.0.0" is not an address or CIDR; ${CIDR_FIX}`],
  ["a domain", cidr("example.org"), `${CIDR}: "example.org" is not an address or CIDR; ${CIDR_FIX}`],
  [
    "a network of IPv4 in IPv6 form",
    cidr("::ffff:10.0.0.0/104"),
    `${CIDR}: "::ffff:10.0.0.0" is an IPv4 address in IPv6 form; write it with the IPv4 address 10.0.0.0`,
  ],
  [
    "a network with a zone",
    cidr("fe80::%eth0/64"),
    `${CIDR}: "fe80::%eth0" has a zone id; leave out what follows the %; link-local addresses cannot be used`,
  ],
  ["a user number", good({ user: "0" }), `user: "0" is a number, not a name; ${ACCOUNT_FIX}`],
  ["a number for a user", good({ user: 0 }), `user: 0 is not an account name; ${ACCOUNT_FIX}`],
  ["a user in capitals", good({ user: "Dev" }), `user: "Dev" is not an account name; ${ACCOUNT_FIX}`],
  [
    "a user too long",
    good({ user: "u".repeat(32) }),
    `user: "${"u".repeat(32)}" is not an account name; ${ACCOUNT_FIX}`,
  ],
  [
    "a size without a unit that exists",
    good({ limits: { memoryMax: "5X" } }),
    'limits.memoryMax: "5X" is not a size; write a number of bytes, or text such as "512M", "2G" or "50%"',
  ],
  [
    "more than all memory",
    good({ limits: { memoryMax: "101%" } }),
    'limits.memoryMax: "101%" is not a size; write a number of bytes, or text such as "512M", "2G" or "50%"',
  ],
  [
    "more memory than there can be",
    good({ limits: { memoryMax: "9999999999T" } }),
    'limits.memoryMax: "9999999999T" is not a size; write a number of bytes, or text such as "512M", "2G" or "50%"',
  ],
  [
    "a share without %",
    good({ limits: { cpuQuota: "2" } }),
    'limits.cpuQuota: "2" is not a percentage; write a percentage, such as "150%"',
  ],
  [
    "a variable that starts with a digit",
    good({ environment: { "1A": "x" } }),
    'environment.1A: "1A" is not the name of an environment variable; write a name of letters, digits and "_" that starts with no digit',
  ],
  [
    "a variable with a line break in its name",
    good({ environment: { "A\nB": "x" } }),
    'environment."A\\u000aB": "A\\u000aB" is not the name of an environment variable; write a name of letters, digits and "_" that starts with no digit',
  ],
  [
    "a line break in a variable",
    good({ environment: { A: "x\ny" } }),
    'environment.A: "x\\u000ay" holds a control character (NUL, line break …) or broken text; write one line of text; keep longer text in a file',
  ],
  [
    "NUL in an argument",
    good({ extraArgs: ["--cors", "a\0"] }),
    'extraArgs[1]: "a\\u0000" holds a control character (NUL, line break …) or broken text; write one line of text; keep longer text in a file',
  ],
  [
    "half a character in an argument",
    good({ extraArgs: ["\ud800"] }),
    'extraArgs[0]: "\\ud800" holds a control character (NUL, line break …) or broken text; write one line of text; keep longer text in a file',
  ],
  [
    "a directive in small letters",
    good({ sandbox: { serviceConfig: { nice: 5 } } }),
    'sandbox.serviceConfig.nice: "nice" is not a systemd directive; write a name as in systemd.exec(5), such as "MemoryMax"',
  ],
  [
    "an object for a directive",
    good({ sandbox: { serviceConfig: { Nice: {} } } }),
    "sandbox.serviceConfig.Nice: an object is not one line of text, a number, true or false or a list; write one line of text, a number, true or false or a list, each one line of text, a number or true or false",
  ],
  [
    "an object in a directive's list",
    good({ sandbox: { serviceConfig: { Nice: [1, {}] } } }),
    "sandbox.serviceConfig.Nice[1]: an object is not one line of text, a number or true or false; write one line of text, a number or true or false",
  ],
  [
    "a projected file outside",
    good({ configDirFiles: { "../x": "/x" } }),
    'configDirFiles."../x": "../x" is not a relative path without ".."; write a relative path, such as "agent/review.md"',
  ],
  [
    "a projected file with an absolute target",
    good({ configDirFiles: { "/x": "/x" } }),
    'configDirFiles."/x": "/x" is not a relative path without ".."; write a relative path, such as "agent/review.md"',
  ],
  [
    "a projected file with a slash too many",
    good({ configDirFiles: { "a//b": "/x" } }),
    'configDirFiles."a//b": "a//b" has a "." or a "/" too many; write "a/b"',
  ],
  ["a list for an instance", [], ': a list is not an object; write an object, at least {"directory": …, "listen": …}'],
];

describe("what the schema finds", () => {
  for (const [title, instance, ...problems] of ROWS) {
    test(title, () => {
      const lines = said(parseInstances({ x: instance }));
      assert.deepEqual(
        lines,
        problems.map((line) => `x: ${line.replace(/^: /, "")}`),
      );
    });
  }

  test("what is right beside a mistake is checked all the same", () => {
    const lines = said(
      parseInstances({
        x: {
          listen: { port: "1", allowFrom: ["localhost", "127.0.0.1"] },
          extraArgs: [5, "--model", "--pure"],
          sandbox: { readWritePaths: ["x", "/etc"] },
          user: "root",
          lisen: 1,
        },
        y: good({ listen: { port: 1, extraPorts: [2, 3] } }),
        z: good({ listen: { port: 4, extraPorts: ["x", 3] } }),
      }),
    );
    const places = lines.map((line) => line.split(": ").slice(0, 2).join(": "));
    assert.deepEqual(places, [
      "x: directory",
      "x: extraArgs[0]",
      "x: extraArgs[1]",
      "x: lisen",
      "x: listen.allowFrom[0]",
      "x: listen.allowFrom[1]",
      "x: listen.port",
      "x: sandbox.readWritePaths[0]",
      "x: sandbox.readWritePaths[1]",
      "x: user",
      "y: listen.extraPorts[1]",
      "z: listen.extraPorts[0]",
      "z: listen.extraPorts[1]",
    ]);
  });

  test("good values of every kind are no mistakes", () => {
    const instance = good({
      command: ["opencode"],
      environment: { A: "tab\tand ünïcode" },
      limits: { memoryMax: "2G", cpuQuota: "150%", tasksMax: 1 },
      listen: {
        port: 65535,
        address: "::1",
        allowFrom: ["10.0.0.0/8", "192.168.1.1", "fd00::/8", "::/0", "0.0.0.0/0"],
      },
      networkIsolation: { outboundAllowCidrs: ["2001:db8::1", "10.0.0.0/31"], dns: ["127.0.0.53"] },
      sandbox: { serviceConfig: { Nice: 5, MemoryMax: "1G", PrivateUsers: false, SystemCallFilter: ["a", "b"] } },
      preInitScript: "echo a\necho b\n",
      extraArgs: ["--cors", "https://example.org", "--pure"],
      config: { anything: [{ goes: null }] },
      logLevel: null,
    });
    assert.deepEqual(said(parseInstances({ x: instance })), []);
  });
});
