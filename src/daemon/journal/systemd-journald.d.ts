declare module "systemd-journald" {
  type Write = (message: string, fields: Record<string, string>) => void;
  type Level = "emerg" | "alert" | "crit" | "err" | "warning" | "notice" | "info" | "debug";
  const journald: Readonly<Record<Level, Write>>;
  export default journald;
}
