import { AppError } from "@llamero/core";
import { type ApiKeyRecord, type ApiKeys, connectRedis, createStore, ownerSchema } from "@llamero/store";
import type { Command } from "commander";
import { type CliConfig, type CommandOptions, runCommand } from "./run-command.ts";
import { runningRedisUrl } from "./running-redis.ts";

async function withKeys<T>({ REDIS_URL, DATA_DIR, LLAMERO_PREFIX }: CliConfig, use: (keys: ApiKeys) => Promise<T>): Promise<T> {
  const redis = await connectRedis(REDIS_URL ?? runningRedisUrl(DATA_DIR), "commands");
  try {
    return await use(createStore({ redis, prefix: LLAMERO_PREFIX }).apiKeys);
  } finally {
    redis.disconnect();
  }
}

const day = (ms: number | null) => (ms === null ? "" : new Date(ms).toISOString().slice(0, 10));

function table(records: readonly ApiKeyRecord[]): string {
  const head = ["id", "owner", "name", "created", "revoked"];
  const rows = records.map(({ id, owner, name, created_at_ms, revoked_at_ms }) => [
    id,
    owner,
    name,
    day(created_at_ms),
    day(revoked_at_ms),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [head, ...rows].map(line).join("\n");
}

function parseOwner(owner: string): string {
  const parsed = ownerSchema.safeParse(owner);
  if (!parsed.success) throw new AppError("config_invalid", `--owner ${parsed.error.issues[0]?.message ?? "is not valid"}.`);
  return parsed.data;
}

/** `llamero keys create|list|revoke`. */
export function addKeyCommands(program: Command, options: CommandOptions): void {
  const keys = program.command("keys").description("make, list and revoke API keys");
  keys
    .command("create")
    .description("make an API key and print it; only its hash is kept")
    .requiredOption("--owner <owner>", "whose jobs the key sees: 1 to 64 letters, digits, - or _")
    .option("--name <name>", "what the key is for", "")
    .action((flags: { owner: string; name: string }) =>
      runCommand(options, async (config) => {
        const owner = parseOwner(flags.owner);
        const { key, record } = await withKeys(config, (keys) => keys.create({ owner, name: flags.name, nowMs: Date.now() }));
        options.out.write(`${key}\n`);
        options.err.write(`Key ${record.id} of ${owner}. Keep it now: it is not shown again.\n`);
      }),
    );
  keys
    .command("list")
    .description("list the API keys, without the keys themselves")
    .action(() =>
      runCommand(options, async (config) => void options.out.write(`${table(await withKeys(config, (keys) => keys.list()))}\n`)),
    );
  keys
    .command("revoke")
    .description("make a key useless, within 2 seconds on every API process")
    .argument("<id>", "the key's id, as `llamero keys list` shows it")
    .action((id: string) =>
      runCommand(options, async (config) => {
        await withKeys(config, (keys) => keys.revoke(id, Date.now()));
        options.err.write(`Key ${id} is revoked.\n`);
      }),
    );
}
