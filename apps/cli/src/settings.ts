import { AppError, parseJson, type SettingsVersion, settingsPatchSchema } from "@llamero/core";
import type { Command } from "commander";
import { type CommandOptions, runCommand } from "./run-command.ts";
import { CLI, withStore } from "./with-store.ts";

/** `default` takes a setting back, numbers are numbers, what begins as JSON's objects and lists do is JSON, and all else is text. */
function parseValue(text: string): unknown {
  if (text === "default") return null;
  if (!Number.isNaN(Number(text))) return Number(text);
  return /^[[{]/.test(text) ? parseJson(text, `The value ${text}`) : text;
}

/**
 * `max_waiting=500`, `weights.acme=3` or `aliases.gpt-4.1=qwen3` as a merge patch: what follows the first dot is one name.
 * @throws AppError `config_invalid`
 */
export function parsePatch(assignments: readonly string[]) {
  const patch: Record<string, unknown> = {};
  for (const assignment of assignments) {
    const [, path, text] = /^([a-z_]+(?:\.[^=\s]+)?)=(.+)$/.exec(assignment) ?? [];
    if (path === undefined || text === undefined)
      throw new AppError("config_invalid", `"${assignment}" is not name=value, such as max_waiting=500 or weights.acme=3.`);
    const [, name = "", part] = /^([^.]+)(?:\.(.+))?$/.exec(path) ?? [];
    const value = parseValue(text);
    patch[name] = part === undefined ? value : { ...(patch[name] as object | undefined), [part]: value };
  }
  const parsed = settingsPatchSchema.safeParse(patch);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError(
    "config_invalid",
    `${issue?.path.join(".") || "settings"}: ${issue?.message}. docs/sharing.md lists the settings.`,
  );
}

const textOf = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));

function shown({ version, settings, changed_at, changed_by, rollback_of }: SettingsVersion): string {
  const lines = Object.entries(settings).flatMap(([name, value]) =>
    typeof value === "object" ? Object.entries(value).map(([part, of]) => `${name}.${part}=${textOf(of)}`) : [`${name}=${value}`],
  );
  const made = changed_at === null ? "" : `, made ${changed_at} by ${changed_by}`;
  const back = rollback_of === null ? "" : `, as version ${rollback_of} was`;
  return [`version ${version}${made}${back}`, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** `llamero settings show|set|history|rollback`. */
export function addSettingsCommands(program: Command, options: CommandOptions): void {
  const settings = program.command("settings").description("see and change what can be changed while everything runs");
  const print = (versions: readonly SettingsVersion[]) => void options.out.write(`${versions.map(shown).join("\n")}\n`);
  settings
    .command("show")
    .description("print the settings that hold; what is not among them is as the environment or the default says")
    .action(() => runCommand(options, async (config) => print([await withStore(config, (store) => store.settings.read())])));
  settings
    .command("set")
    .description("change settings, for all processes within a second")
    .argument("<name=value...>", "such as max_waiting=500 log_level=debug weights.acme=3; =default takes one back")
    .action((assignments: string[]) =>
      runCommand(options, async (config) => {
        const patch = parsePatch(assignments);
        const changed = async () =>
          withStore(config, async (store) => store.settings.change(patch, { by: CLI, nowMs: await store.now() }));
        print([await changed()]);
      }),
    );
  settings
    .command("history")
    .description("print the last hundred versions, the newest first")
    .action(() => runCommand(options, async (config) => print(await withStore(config, (store) => store.settings.history()))));
  settings
    .command("rollback")
    .description("bring back the settings of an earlier version, as a new one")
    .argument("<version>", "as `llamero settings history` shows it; 0 for none at all")
    .action((version: string) =>
      runCommand(options, async (config) => {
        if (!/^\d{1,9}$/.test(version)) throw new AppError("config_invalid", `A version is a whole number, not "${version}".`);
        const back = async () =>
          withStore(config, async (store) => store.settings.rollback(Number(version), { by: CLI, nowMs: await store.now() }));
        print([await back()]);
      }),
    );
}
