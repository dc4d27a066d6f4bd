/** Unit properties as they travel over the bus. */
import { Variant } from "dbus-native";
import { SIGNATURES, type UnitProperty } from "../../spec/unit.ts";

export const toVariants = (properties: readonly UnitProperty[]): [string, Variant][] =>
  properties.map(([name, value]) => [name, new Variant(SIGNATURES[name], marshallable(name, value))]);

/** `aay` and addresses travel as bytes; everything else as it is. */
function marshallable(name: UnitProperty[0], value: UnitProperty[1]): unknown {
  if (name === "LogExtraFields" && Array.isArray(value))
    return value.map((field) => Buffer.from(String(field), "utf8"));
  return value;
}
