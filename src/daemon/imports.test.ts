/** What the daemon loads when it starts: each of these cost more than all of its own code, in time and in memory. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

const LIST = `
  import { registerHooks } from "node:module";
  const imported = [];
  registerHooks({ resolve: (name, context, next) => (imported.push(name), next(name, context)) });
  await import(${JSON.stringify(new URL("../cli/main.ts", import.meta.url).href)});
  await import(${JSON.stringify(new URL("./main.ts", import.meta.url).href)});
  const atStart = imported.length;
  await import(${JSON.stringify(new URL("./api/serve.ts", import.meta.url).href)});
  (await import(${JSON.stringify(new URL("./api/server.ts", import.meta.url).href)})).bareServer("");
  console.log(JSON.stringify([imported, atStart, process.moduleLoadList]));
  process.exit(0);`;

test("the daemon starts without TypeBox and fastify's compilers (see api/schemas.ts) and without undici (see http.ts)", () => {
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", LIST], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"], // the command line, which has no command, says how it is used
  });
  const [imported, atStart, builtin]: unknown[] = JSON.parse(output);
  assert.ok(Array.isArray(imported) && Array.isArray(builtin));
  assert.ok(imported.includes("dbus-native"), "the list is of what the daemon imports");
  assert.ok(imported.includes("fastify"), "and of what it loads when it is asked");
  assert.deepEqual(
    imported
      .slice(0, Number(atStart))
      .filter((name: unknown) => /^(fastify|pino)$|api\/(serve|listen)\.ts$|health\/pulse\.ts$/.test(String(name))),
    [],
    "nobody has asked yet, and nothing is there to be told or looked at",
  );
  assert.deepEqual(
    imported.filter((name: unknown) => /^typebox|^fast-json-stringify$|-compiler$/.test(String(name))),
    [],
  );
  assert.deepEqual(
    builtin.filter((name: unknown) => /undici/.test(String(name))),
    [],
  );
});
