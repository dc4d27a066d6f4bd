// What libnftables and netlink hold about tables. Shapes, units and errors are documented in index.d.ts.
import { createRequire } from "node:module";
import { getSystemErrorMap } from "node:util";

const native = createRequire(import.meta.url)("./build/Release/nftables.node");

/** More than any ruleset of ours by far; a larger text is a mistake and would hold the process up. */
const COMMANDS_MAX = 16 * 1024 * 1024;

export class Nft {
  #context;

  constructor(options = {}) {
    this.#context = native.open(options.json === true);
  }

  run(commands) {
    if (typeof commands !== "string") throw new TypeError("commands must be a string of nft commands");
    if (commands.includes("\0")) throw new RangeError("commands hold a NUL byte: nft would ignore what follows it");
    if (commands.length > COMMANDS_MAX) {
      throw new RangeError(`commands are ${commands.length} characters long; at most ${COMMANDS_MAX} are run at once`);
    }
    return native.run(this.#context, commands);
  }

  close() {
    native.close(this.#context);
  }
}

// linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
const FAMILY = { ip: 2, ip6: 10, inet: 1, arp: 3, bridge: 7, netdev: 5 };
const MESSAGE = { table: 1, rule: 7, element: 13, generation: 16, object: 19 };
const NFNL_SUBSYS_NFTABLES = 10 << 8;
const [NETLINK_SOCK_DIAG, NETLINK_NETFILTER] = [4, 12];
const [NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP] = [0x1, 0x4, 0x300];
const [NLMSG_HDRLEN, NFGENMSG_LEN, NLA_HDRLEN, NLA_TYPE_MASK] = [16, 4, 4, 0x3fff];
const NLMSG_MIN_TYPE = 0x10;
const DUMP_TRIES = 10;
const ERRNO_NAMES = getSystemErrorMap();

const align = (length) => (length + 3) & ~3;

/** The first attributes of every table, rule and element request are names: 1 the table, 2 the chain or set. */
function encode(type, flags, family, names) {
  const texts = names.map((name) => Buffer.from(`${name}\0`));
  const size = texts.reduce((sum, text) => sum + align(NLA_HDRLEN + text.length), NLMSG_HDRLEN + NFGENMSG_LEN);
  const message = Buffer.alloc(size);
  message.writeUInt32LE(size, 0);
  message.writeUInt16LE(NFNL_SUBSYS_NFTABLES | type, 4);
  message.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  message.writeUInt8(family, NLMSG_HDRLEN);
  let at = NLMSG_HDRLEN + NFGENMSG_LEN;
  texts.forEach((text, index) => {
    message.writeUInt16LE(NLA_HDRLEN + text.length, at);
    message.writeUInt16LE(index + 1, at + 2);
    text.copy(message, at + NLA_HDRLEN);
    at += align(NLA_HDRLEN + text.length);
  });
  return message;
}

/** `[type, payload]` of every attribute; a length that leaves the buffer ends the list. */
function* attributes(data) {
  for (let at = 0; at + NLA_HDRLEN <= data.length; ) {
    const length = data.readUInt16LE(at);
    if (length < NLA_HDRLEN || at + length > data.length) return;
    yield [data.readUInt16LE(at + 2) & NLA_TYPE_MASK, data.subarray(at + NLA_HDRLEN, at + length)];
    at += align(length);
  }
}

/** The payload of the first attribute of a type. Thousands of rules are read with this: nothing is built on the way. */
function attribute(data, type) {
  for (let at = 0; data !== undefined && at + NLA_HDRLEN <= data.length; ) {
    const length = data.readUInt16LE(at);
    if (length < NLA_HDRLEN || at + length > data.length) return undefined;
    if ((data.readUInt16LE(at + 2) & NLA_TYPE_MASK) === type) return data.subarray(at + NLA_HDRLEN, at + length);
    at += align(length);
  }
  return undefined;
}

/** `[type, port, body]` of each message. */
function* raw(data) {
  for (let at = 0; at + NLMSG_HDRLEN <= data.length; ) {
    const length = data.readUInt32LE(at);
    if (length < NLMSG_HDRLEN || at + length > data.length) return;
    yield [data.readUInt16LE(at + 4), data.readUInt32LE(at + 12), data.subarray(at + NLMSG_HDRLEN, at + length)];
    at += align(length);
  }
}

/** The bodies of an answer's messages. A dump that was cut by a change is read again: half an answer is none. */
function exchange(protocol, message, what) {
  for (let tries = 0; tries < DUMP_TRIES; tries++) {
    const { errno, interrupted, data } = native.request(protocol, message);
    if (errno !== 0) {
      const [code, text] = ERRNO_NAMES.get(-errno) ?? [`E${errno}`, "unknown error"];
      throw Object.assign(new Error(`${what}: ${text}`), { code, errno });
    }
    if (!interrupted) return [...raw(data)].flatMap(([type, , body]) => (type < NLMSG_MIN_TYPE ? [] : [body]));
  }
  throw Object.assign(new Error(`${what}: changes faster than it can be read`), { code: "EINTR" });
}

/** The attributes of each message of the answer. */
function ask(kind, flags, family, names) {
  if (names.some((name) => name.includes("\0"))) throw new RangeError("a name holds a NUL byte");
  const message = encode(MESSAGE[kind], flags, FAMILY[family], names);
  const bodies = exchange(NETLINK_NETFILTER, message, `${kind} of ${family} ${names.join(" ")}`);
  return bodies.map((body) => body.subarray(NFGENMSG_LEN));
}

const text = (payload) => (payload === undefined ? "" : payload.toString("utf8", 0, payload.indexOf(0)));

export function tableInfo(family, table) {
  try {
    const [found] = ask("table", NLM_F_ACK, family, [table]);
    return { flags: attribute(found, 2)?.readUInt32BE() ?? 0, owner: attribute(found, 7)?.readUInt32BE() ?? null };
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

export function generation() {
  return attribute(ask("generation", NLM_F_ACK, "inet", [])[0], 1).readUInt32BE();
}

/** libnftnl's user data: type and length in a byte each; type 0 of a rule is its comment. */
function comment(userdata) {
  for (let at = 0; userdata !== undefined && at + 2 <= userdata.length; at += 2 + userdata[at + 1]) {
    if (userdata[at] === 0) return text(userdata.subarray(at + 2, at + 2 + userdata[at + 1]));
  }
  return null;
}

export function rules(family, table, chain) {
  return ask("rule", NLM_F_DUMP, family, chain === undefined ? [table] : [table, chain]).map((rule) => ({
    chain: text(attribute(rule, 2)),
    comment: comment(attribute(rule, 7)),
  }));
}

/** A counter's expression or object data: bytes (1) and packets (2). */
const counted = (data) => (data === undefined ? null : (attribute(data, 2)?.readBigUInt64BE() ?? null));

/** Packets of the first counter among an element's expressions (7, or a list in 11): a name (1) and data (2). */
function elementCounter(payload) {
  const list = attribute(payload, 11);
  const expressions = list === undefined ? [attribute(payload, 7)] : [...attributes(list)].map(([, each]) => each);
  const counter = expressions.find((each) => each !== undefined && text(attribute(each, 1)) === "counter");
  return counter === undefined ? null : counted(attribute(counter, 2));
}

/** The key is a value (1) or, where a map leads to a chain, its data is a verdict (2) that names one (2). */
function element(payload) {
  const chain = attribute(attribute(attribute(payload, 2), 2), 2);
  const expires = attribute(payload, 5);
  return {
    key: Buffer.from(attribute(attribute(payload, 1), 1) ?? []),
    chain: chain === undefined ? null : text(chain),
    packets: elementCounter(payload),
    expiresIn: expires === undefined ? null : Number(expires.readBigUInt64BE()),
  };
}

export function elements(family, table, set) {
  return ask("element", NLM_F_DUMP, family, [table, set]).flatMap((part) =>
    [...attributes(attribute(part, 3) ?? Buffer.alloc(0))].map(([, payload]) => element(payload)),
  );
}

const COUNTER = 1;

export function counters(family, table) {
  const objects = ask("object", NLM_F_DUMP, family, [table]);
  return new Map(
    objects
      .filter((object) => attribute(object, 3)?.readUInt32BE() === COUNTER)
      .map((object) => [text(attribute(object, 2)), counted(attribute(object, 4)) ?? 0n]),
  );
}

// linux/sock_diag.h, linux/inet_diag.h: struct inet_diag_req_v2, struct inet_diag_msg
const SOCK_DIAG_BY_FAMILY = 20;
const REQUEST_LEN = 56;
const TCP_LISTEN = 10;
const IPPROTO_TCP = 6;
const AT = { port: 4, address: 8, inode: 68 };
/** Address families, and how many bytes an address has. */
const ADDRESS_LENGTHS = [
  [2, 4],
  [10, 16],
];

function listeningRequest(family, port) {
  const message = Buffer.alloc(NLMSG_HDRLEN + REQUEST_LEN);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  message.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6);
  message.set([family, IPPROTO_TCP], NLMSG_HDRLEN);
  message.writeUInt32LE(1 << TCP_LISTEN, NLMSG_HDRLEN + 4);
  message.writeUInt16BE(port, NLMSG_HDRLEN + 8);
  return message;
}

export function listeners(port = 0) {
  return ADDRESS_LENGTHS.flatMap(([family, length]) =>
    exchange(NETLINK_SOCK_DIAG, listeningRequest(family, port), "listening sockets (tcp_diag)").map((body) => ({
      address: body.subarray(AT.address, AT.address + length),
      port: body.readUInt16BE(AT.port),
      inode: body.readUInt32LE(AT.inode),
    })),
  );
}

function listen(group, messages, heard) {
  let handle = native.listen(group, messages, heard);
  return {
    close() {
      if (handle !== null) native.unlisten(handle);
      handle = null;
    },
  };
}

const NFNLGRP_NFTABLES = 7;
const NEWGEN = NFNL_SUBSYS_NFTABLES | 15;

export function watchTable(family, table, listener) {
  const touched = new Map();
  return listen(NFNLGRP_NFTABLES, [], (data, lost) => {
    if (lost) listener(null);
    for (const [type, port, body] of raw(data)) {
      const payload = body.subarray(NFGENMSG_LEN);
      if (type !== NEWGEN) {
        if (!touched.has(port) && body[0] === FAMILY[family] && text(attribute(payload, 1)) === table)
          touched.set(port, true);
      } else if (touched.delete(port)) {
        listener({ port, pid: attribute(payload, 2)?.readUInt32BE() ?? 0, program: text(attribute(payload, 3)) });
      }
    }
  });
}

// linux/netfilter/nfnetlink_log.h
const NFNL_SUBSYS_ULOG = 4 << 8;
const NFULNL_MSG_CONFIG = NFNL_SUBSYS_ULOG | 1;
const NFULNL_CFG_CMD_BIND = 1;
const NFULA_PREFIX = 10;
const QTHRESH = 5;

function logConfig(group, type, value) {
  const message = Buffer.alloc(NLMSG_HDRLEN + NFGENMSG_LEN + NLA_HDRLEN + align(value.length));
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(NFULNL_MSG_CONFIG, 4);
  message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK, 6);
  message.writeUInt16BE(group, NLMSG_HDRLEN + 2);
  message.writeUInt16LE(NLA_HDRLEN + value.length, NLMSG_HDRLEN + NFGENMSG_LEN);
  message.writeUInt16LE(type, NLMSG_HDRLEN + NFGENMSG_LEN + 2);
  value.copy(message, NLMSG_HDRLEN + NFGENMSG_LEN + NLA_HDRLEN);
  return message;
}

/** Of a packet nothing but what rules say of it is copied (mode `META`, 1), and it is told at once (a queue of one). */
export function watchLog(group, listener) {
  const setup = [
    logConfig(group, 1, Buffer.from([NFULNL_CFG_CMD_BIND])),
    logConfig(group, 2, Buffer.from([0, 0, 0, 0, 1, 0])),
    logConfig(group, QTHRESH, Buffer.from([0, 0, 0, 1])),
  ];
  return listen(0, setup, (data) => {
    const prefixes = new Set();
    for (const [type, , body] of raw(data)) {
      if (type === NFNL_SUBSYS_ULOG) prefixes.add(text(attribute(body.subarray(NFGENMSG_LEN), NFULA_PREFIX)));
    }
    if (prefixes.size > 0) listener(prefixes);
  });
}
