/** Names of instances, and the accounts they run as. */
import { defaultUser } from "../names.ts";
import { quote } from "../text.ts";
import { type Check, items, single } from "./check.ts";
import tables from "./tables.json" with { type: "json" };

const NAME = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
/** A name goes into unit names, cgroup paths and the kernel's log prefix (at most 127 bytes). */
const MAX_NAME = 63;
/** systemd and useradd(8) refuse longer ones. */
const MAX_USER = 31;
const MAX_OWN_NAME = MAX_USER - defaultUser("").length;

/** Names whose units would be mistaken for others. */
const RESERVED = tables.reservedNames.map(({ matches, because }) => ({
  matches: new RegExp(`^(${matches})$`),
  because,
}));

const name: Check = function* ({ spec, has }) {
  const field = "";
  if (!NAME.test(spec.name)) {
    const what = `${quote(spec.name)} is not a name for an instance`;
    return yield { field, what, fix: 'write a-z, 0-9 and "-", with a letter first and no "-" last' };
  }
  if (spec.name.length > MAX_NAME) {
    yield { field, what: `the name has ${spec.name.length} characters`, fix: `write ${MAX_NAME} at most` };
  } else if (spec.ownUser && has("user") && spec.name.length > MAX_OWN_NAME) {
    const what = `the user name made from it, ${quote(spec.user)}, has ${spec.user.length} characters; ${MAX_USER} is the limit`;
    yield { field, what, fix: `shorten the name to ${MAX_OWN_NAME} characters, or set "user"` };
  }
  for (const { matches, because } of RESERVED) {
    if (matches.test(spec.name)) yield { field, what: `the name ${because}`, fix: "choose another name" };
  }
};

const ACCOUNTS = new Map(Object.entries(tables.accounts));

const accounts: Check = function* (subject) {
  const { user, group, extraGroups } = subject.spec;
  const named = [
    ...single(subject, "user", user),
    ...single(subject, "group", group === user ? null : group),
    ...items(subject, "extraGroups", extraGroups),
  ];
  for (const [field, account] of named) {
    const because = ACCOUNTS.get(account);
    if (because === undefined) continue;
    yield {
      field,
      what: `${quote(account)} ${because}`,
      fix: "write an account made for this instance, or leave it out",
    };
  }
};

export const identityChecks: readonly Check[] = [name, accounts];
