import { AppError } from "@llamero/core";
import type { LiveWorker, Store, WorkerWish } from "@llamero/store";
import type { Command } from "commander";
import { type CommandOptions, runCommand } from "./run-command.ts";
import { textTable } from "./text-table.ts";
import { CLI, withStore } from "./with-store.ts";

const GIBIBYTE = 2 ** 30;

function table(workers: readonly LiveWorker[]): string {
  const head = ["id", "host", "pid", "state", "tokens/s", "models"];
  const rows = workers.map(({ id, host, pid, is_drained, tokens_per_second, models, slots, wish_error }) => {
    const shown = models.map(({ slug, state, size_bytes }) => {
      const own = slots.find((each) => each.slug === slug)?.slots ?? 0;
      return `${slug} (${state}, ${own} slots, ${(size_bytes / GIBIBYTE).toFixed(1)} GiB)`;
    });
    const state = wish_error === null ? (is_drained ? "drained" : "takes jobs") : `error: ${wish_error}`;
    return [id, host, String(pid), state, tokens_per_second.toFixed(1), shown.join(", ")];
  });
  return textTable(head, rows);
}

/** `llamero workers ls|drain|resume|models`. */
export function addWorkerCommands(program: Command, options: CommandOptions): void {
  const workers = program.command("workers").description("see the live workers, and tell them what to do");
  const wish = (id: string, wanted: Partial<WorkerWish>, action: string, said: string) =>
    runCommand(options, async (config) => {
      const isThere = await withStore(config, (store: Store) => store.wishOfWorker(id, wanted, { by: CLI, action }));
      if (!isThere) throw new AppError("worker_not_found", `There is no live worker "${id}". \`llamero workers ls\` lists them.`);
      options.out.write(`${said}\n`);
    });
  workers
    .command("ls")
    .description("list them: where they run, what they have loaded, how fast they are")
    .action(() =>
      runCommand(options, async (config) => {
        const live = await withStore(config, (store) => store.liveWorkers());
        options.out.write(live.length === 0 ? "No worker is live. Start one with `llamero worker`.\n" : `${table(live)}\n`);
      }),
    );
  workers
    .command("drain")
    .description("take no more jobs on a worker; those that it has end, and its models stay loaded")
    .argument("<id>", "as `llamero workers ls` shows it")
    .action((id: string) => wish(id, { drained: true }, "worker.drain", `${id} takes no more jobs.`));
  workers
    .command("resume")
    .description("take jobs on a worker again")
    .argument("<id>", "as `llamero workers ls` shows it")
    .action((id: string) => wish(id, { drained: false }, "worker.resume", `${id} takes jobs again.`));
  workers
    .command("models")
    .description("change what a worker serves, without a restart")
    .argument("<id>", "as `llamero workers ls` shows it")
    .argument("<models...>", "all that it is to serve, as LLAMERO_MODELS has it")
    .action((id: string, models: string[]) =>
      wish(id, { models }, "worker.models", `${id} changes its models; \`llamero workers ls\` shows how far it is.`),
    );
}
