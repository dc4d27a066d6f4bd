/** Ports and who may connect: what one instance asks for, and what two of them cannot both have. */
import { canonical, isLoopback } from "../address.ts";
import type { Problem } from "../problem.ts";
import { quote } from "../text.ts";
import { type Check, type CrossCheck, items, type Subject } from "./check.ts";

const ANY_V4 = "0.0.0.0";
/** Also takes IPv4: Linux binds `::` to both unless told otherwise (ipv6(7), IPV6_V6ONLY). */
const ANY = "::";

/** A TCP port an instance means to have. */
interface Claim {
  readonly instance: string;
  readonly field: string;
  readonly port: number;
  readonly address: string;
}

function claimsOf(subject: Subject): Claim[] {
  const { name, listen } = subject.spec;
  const address = subject.has("listen.address") ? canonical(listen.address) : null;
  if (address === null) return [];
  const ports = [
    ...(subject.has("listen.port") ? [["listen.port", listen.port] as const] : []),
    ...items(subject, "listen.extraPorts", listen.extraPorts),
  ];
  return ports.map(([field, port]) => ({ instance: name, field, port, address }));
}

const ownPorts: Check = function* (subject) {
  const seen = new Map<number, string>();
  for (const { field, port } of claimsOf(subject)) {
    const other = seen.get(port);
    if (other !== undefined) yield { field, what: `${port} is ${other} already`, fix: "remove it" };
    seen.set(port, field);
  }
};

const allowFrom: Check = function* (subject) {
  for (const [field, cidr] of items(subject, "listen.allowFrom", subject.spec.listen.allowFrom)) {
    if (!isLoopback(cidr)) continue;
    const what = `${quote(cidr)} is loopback, and this list is for clients beyond it`;
    yield { field, what, fix: "remove it" };
  }
};

/** Conflicts named for one port of one instance: enough to start mending. */
const MAX_NAMED = 4;

/** The claims of one port that a claim cannot stand beside, its own among them, without looking at each. */
function* rivalsOf({ address }: Claim, byAddress: ReadonlyMap<string, readonly Claim[]>): Generator<Claim> {
  const isV4 = (text: string): boolean => !text.includes(":");
  yield* byAddress.get(address) ?? [];
  for (const wildcard of isV4(address) ? [ANY, ANY_V4] : [ANY]) {
    if (wildcard !== address) yield* byAddress.get(wildcard) ?? [];
  }
  if (address !== ANY && address !== ANY_V4) return;
  for (const [other, claims] of byAddress) {
    const isCovered = other !== address && other !== ANY && (address === ANY || isV4(other));
    if (isCovered) yield* claims;
  }
}

function* conflictsOf(claim: Claim, rivals: Iterable<Claim>): Generator<Problem> {
  let named = 0;
  for (const rival of rivals) {
    if (rival.instance === claim.instance) continue;
    const what = `port ${claim.port} on ${claim.address} is also wanted by instance ${quote(rival.instance)} (its ${rival.field}, on ${rival.address})`;
    yield { instance: claim.instance, field: claim.field, what, fix: "write a port that no other instance has" };
    if (++named === MAX_NAMED) return;
  }
}

const ports: CrossCheck = function* (subjects) {
  // A disabled instance may wait with the port of the one it is to replace.
  const running = subjects.filter(({ spec }) => spec.enable);
  const claims = running.flatMap((subject) => [
    ...new Map(
      claimsOf(subject)
        .toReversed()
        .map((claim) => [claim.port, claim]),
    ).values(),
  ]);
  for (const rivals of Map.groupBy(claims, ({ port }) => port).values()) {
    if (rivals.length === 1) continue;
    const byAddress = Map.groupBy(rivals, ({ address }) => address);
    for (const claim of rivals) yield* conflictsOf(claim, rivalsOf(claim, byAddress));
  }
};

export const listenChecks: readonly Check[] = [ownPorts, allowFrom];
export const listenCrossChecks: readonly CrossCheck[] = [ports];
