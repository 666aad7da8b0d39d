import type { ReuseState } from "@llamero/core";
import type { Command } from "commander";
import { type CommandOptions, runCommand } from "./run-command.ts";
import { textTable } from "./text-table.ts";
import { CLI, withStore } from "./with-store.ts";

const share = (rate: number | null) => (rate === null ? "-" : `${(rate * 100).toFixed(1)}%`);

function shown({ models, ttl_seconds, max_bytes, entries, bytes }: ReuseState): string {
  const head = ["model", "hit rate", "hits", "coalesced", "misses", "texts", "known", "answers", "bytes", "evicted"];
  const rows = models.map((each) => [
    each.model,
    share(each.hit_rate),
    ...[each.hits, each.coalesced, each.misses, each.input_hits + each.input_misses, each.input_hits].map(String),
    ...[each.entries, each.bytes, each.evictions].map(String),
  ]);
  const all = `${entries} answers in ${bytes} of ${max_bytes} bytes, kept for ${ttl_seconds} s`;
  return `${textTable(head, rows)}\n${all}\n`;
}

/** `llamero reuse show|forget`. */
export function addReuseCommands(program: Command, options: CommandOptions): void {
  const reuse = program.command("reuse").description("see and forget the answers that are given again");
  reuse
    .command("show")
    .description("print, by model, how often answers were given again, and what is kept")
    .action(() =>
      runCommand(
        options,
        async (config) => void options.out.write(shown(await withStore(config, (store) => store.reuse.state()))),
      ),
    );
  reuse
    .command("forget")
    .description("forget all answers that are kept; jobs keep theirs")
    .action(() =>
      runCommand(options, async (config) => {
        const forgotten = await withStore(config, (store) => store.reuse.forget(CLI));
        options.err.write(`${forgotten} answers are forgotten.\n`);
      }),
    );
}
