/**
 * docs/options.md: every option of the NixOS module, from the module. `node scripts/nix-options.ts` writes it anew; a test
 * says when it is stale.
 */
import { writeFile } from "node:fs/promises";
import { Type } from "typebox";
import { Value } from "typebox/value";
import { value } from "../nix/tests/nix.ts";

export const OPTIONS_PAGE = new URL("../docs/options.md", import.meta.url);

const Text = Type.Union([Type.String(), Type.Null()]);
const Option = Type.Object({
  name: Type.String(),
  type: Type.String(),
  description: Type.String(),
  default: Text,
  example: Text,
});
type Option = Type.Static<typeof Option>;

const TOP = "services.opencode.";
const INSTANCE = `${TOP}instances.<name>.`;
const CONFIG = `${INSTANCE}config.`;

/** One line that a table's cell takes. */
const oneLine = (text: string): string => text.trim().replace(/\s+/g, " ");
const escaped = (text: string): string => oneLine(text).replace(/[|<]/g, "\\$&");
const code = (text: string): string => `\`${oneLine(text).replaceAll("|", "\\|").replaceAll("`", "'")}\``;

function row(prefix: string, { name, type, description, default: fallback, example }: Option): string {
  const meaning =
    escaped(description) + (example === null || type === "boolean" ? "" : ` For example ${code(example)}.`);
  return `| ${[code(name.slice(prefix.length)), escaped(type), fallback === null ? "required" : code(fallback), meaning].join(" | ")} |`;
}

const table = (prefix: string, options: readonly Option[]): string =>
  [
    "| Option | Type | Default | Meaning |",
    "| --- | --- | --- | --- |",
    ...options.map((option) => row(prefix, option)),
  ].join("\n");

const configRow = ({ name, type, description }: Option): string =>
  `| ${code(name.slice(CONFIG.length))} | ${escaped(type.replace(/^null or \(?(.*?)\)?$/, "$1"))} | ${escaped(description)} |`;

/** The page as it should be. */
export async function optionsPage(): Promise<string> {
  const options = Value.Parse(Type.Array(Option), await value("options.nix"));
  const isOf = (prefix: string) => (option: Option) => option.name.startsWith(prefix);
  const config = options.filter(isOf(CONFIG));
  const instance = options.filter((option) => isOf(INSTANCE)(option) && !config.includes(option));
  const top = options.filter((option) => isOf(TOP)(option) && !isOf(INSTANCE)(option));
  return `# Options of the NixOS module

Made from the module by \`scripts/nix-options.ts\`. How they are used: [nixos.md](nixos.md). What each field of the instance
file means beyond its type, and which of them exclude each other: [reference/instance-file.md](reference/instance-file.md).

## \`services.opencode\`

${table(TOP, top)}

## \`services.opencode.instances.<name>\`

\`services.opencode.defaults\` has the same options; every instance inherits them.

${table(INSTANCE, instance)}

## \`services.opencode.instances.<name>.config\`

opencode.json. Everything may be left out, \`null\` means the same, and keys that are not in this table are passed on as they
are. The same options stand below \`opencode.\` for \`lib.mkOpencodeConfig\` and \`lib.wrapOpencode\`.

| Key | Type | Meaning |
| --- | --- | --- |
${config.map(configRow).join("\n")}
`;
}

if (import.meta.main) await writeFile(OPTIONS_PAGE, await optionsPage());
