import { z } from "zod";
import type { ProcessName, Setting } from "./setting.ts";
import { table } from "./settings-table.ts";

type Table = typeof table;
export type SettingName = keyof Table;
export type SettingsShape<P extends ProcessName> = {
  [K in SettingName as P extends Table[K]["readBy"][number] ? K : never]: Table[K]["schema"];
};
/** What `parseEnv(settingsFor(process), env)` returns. */
export type Settings<P extends ProcessName> = z.output<z.ZodObject<SettingsShape<P>>>;

/** The schema of the variables that one process reads. */
export function settingsFor<P extends ProcessName>(process: P): z.ZodObject<SettingsShape<P>> {
  return pick((setting) => setting.readBy.includes(process)) as z.ZodObject<SettingsShape<P>>;
}

/** The schema of all variables: what a process that starts all the others checks before it starts any. */
export function allSettings(): z.ZodObject<{ [K in SettingName]: Table[K]["schema"] }> {
  return pick(() => true) as z.ZodObject<{ [K in SettingName]: Table[K]["schema"] }>;
}

export interface SettingRow {
  readonly name: string;
  /** The value as one would write it; null when there is none. */
  readonly default: string | null;
  /** What happens when the variable is not set and there is no plain default. */
  readonly defaultNote: string | null;
  readonly allowed: string;
  readonly description: string;
  readonly readBy: readonly ProcessName[];
}

/** All variables as rows of documentation, in the table's order. */
export function settingsTable(): SettingRow[] {
  return entries().map(([name, { allowed, description, readBy, ...setting }]) => {
    const fallback = String(setting.schema.parse(undefined) ?? "");
    const defaultNote = setting.defaultNote ?? null;
    return {
      name,
      default: defaultNote === null && fallback !== "" ? fallback : null,
      defaultNote,
      allowed,
      description,
      readBy,
    };
  });
}

function pick(wanted: (setting: Setting) => boolean): z.ZodObject {
  const chosen = entries().filter(([, setting]) => wanted(setting));
  return z.object(
    Object.fromEntries(
      chosen.map(([name, { schema, allowed, secret }]) => [name, schema.meta({ allowed, secret: secret ?? false })]),
    ),
  );
}

function entries(): [string, Setting][] {
  return Object.entries(table);
}
