import { type KeyLimits, keyScopes } from "@llamero/core";
import type { ApiKeyRecord } from "@llamero/store";
import type { Command } from "commander";
import { addLimitOptions, type LimitFlags, parseDuration, parseLimits, parseOwner, parseScopes } from "./key-flags.ts";
import { type CommandOptions, runCommand } from "./run-command.ts";
import { textTable } from "./text-table.ts";
import { CLI, withStore } from "./with-store.ts";

const day = (ms: number | null) => (ms === null ? "" : new Date(ms).toISOString().slice(0, 10));

function limitsText({ requests_per_minute, tokens_per_minute, max_waiting, max_running }: KeyLimits): string {
  const parts = [
    [requests_per_minute, "jobs/min"],
    [tokens_per_minute, "tokens/min"],
    [max_waiting, "waiting"],
    [max_running, "running"],
  ].flatMap(([limit, unit]) => (limit === undefined ? [] : [`${limit} ${unit}`]));
  return parts.length === 0 ? "no limits" : parts.join(", ");
}

function table(records: readonly ApiKeyRecord[]): string {
  const head = ["id", "owner", "name", "scopes", "limits", "created", "expires", "revoked"];
  const rows = records.map(({ id, owner, name, scopes, limits, created_at_ms, expires_at_ms, revoked_at_ms }) => [
    id,
    owner,
    name,
    scopes.join(","),
    limitsText(limits),
    day(created_at_ms),
    day(expires_at_ms),
    day(revoked_at_ms),
  ]);
  return textTable(head, rows);
}

interface CreateFlags extends LimitFlags {
  owner: string;
  name: string;
  scopes: string;
  expiresIn?: string;
}

/** `llamero keys create|list|limit|rotate|revoke`. */
export function addKeyCommands(program: Command, options: CommandOptions): void {
  const keys = program.command("keys").description("make, list, change and revoke API keys");
  addSecretCommands(keys, options);
  addRecordCommands(keys, options);
}

/** Those that print a key. */
function addSecretCommands(keys: Command, options: CommandOptions): void {
  const show = (key: string, said: string) => {
    options.out.write(`${key}\n`);
    options.err.write(`${said} Keep it now: it is not shown again.\n`);
  };
  addLimitOptions(keys.command("create"))
    .description("make an API key and print it; only its hash is kept")
    .requiredOption("--owner <owner>", "whose jobs the key sees: 1 to 64 letters, digits, - or _")
    .option("--name <name>", "what the key is for", "")
    .option("--scopes <list>", `what it may do: ${keyScopes.join(", ")}`, "submit,read")
    .option("--expires-in <time>", "how long it is good for, such as 90d, 12h or 30m (default: for good)")
    .action((flags: CreateFlags) =>
      runCommand(options, async (config) => {
        const owner = parseOwner(flags.owner);
        const scopes = parseScopes(flags.scopes);
        const limits = parseLimits(flags);
        const goodForMs = flags.expiresIn === undefined ? null : parseDuration("--expires-in", flags.expiresIn);
        const { key, record } = await withStore(config, async (store) => {
          const nowMs = await store.now();
          const expiresAtMs = goodForMs === null ? null : nowMs + goodForMs;
          return store.apiKeys.create({ by: CLI, owner, name: flags.name, scopes, limits, nowMs, expiresAtMs });
        });
        show(key, `Key ${record.id} of ${owner}.`);
      }),
    );
  keys
    .command("rotate")
    .description("give a key another secret and print it; the one that it has is good for a while too")
    .argument("<id>", "the key's id, as `llamero keys list` shows it")
    .option("--previous-valid <time>", "how long the old one is good for, such as 24h; 0m: not at all", "24h")
    .action((id: string, flags: { previousValid: string }) =>
      runCommand(options, async (config) => {
        const previousValidMs = parseDuration("--previous-valid", flags.previousValid);
        const { key } = await withStore(config, async (store) =>
          store.apiKeys.rotate(id, { by: CLI, nowMs: await store.now(), previousValidMs }),
        );
        show(key, `Key ${id} has a new secret; the old one is good for ${flags.previousValid} more.`);
      }),
    );
}

/** Those that show or change what is kept of keys. */
function addRecordCommands(keys: Command, options: CommandOptions): void {
  keys
    .command("list")
    .description("list the API keys, without the keys themselves")
    .action(() =>
      runCommand(
        options,
        async (config) => void options.out.write(`${table(await withStore(config, ({ apiKeys }) => apiKeys.list()))}\n`),
      ),
    );
  addLimitOptions(keys.command("limit"))
    .description("replace the limits of a key; what is not named is not limited")
    .argument("<id>", "the key's id, as `llamero keys list` shows it")
    .action((id: string, flags: LimitFlags) =>
      runCommand(options, async (config) => {
        const limits = parseLimits(flags);
        await withStore(config, ({ apiKeys }) => apiKeys.limit(id, limits, CLI));
        options.err.write(`Key ${id}: ${limitsText(limits)}.\n`);
      }),
    );
  keys
    .command("revoke")
    .description("make a key useless, within 2 seconds on every API process")
    .argument("<id>", "the key's id, as `llamero keys list` shows it")
    .action((id: string) =>
      runCommand(options, async (config) => {
        await withStore(config, async (store) => store.apiKeys.revoke(id, { by: CLI, nowMs: await store.now() }));
        options.err.write(`Key ${id} is revoked.\n`);
      }),
    );
}
