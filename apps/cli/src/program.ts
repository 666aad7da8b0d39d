import { type Env, sizeThreadPool } from "@llamero/process";
import { Command } from "commander";
import type { AutoscaleFlags } from "./autoscale.ts";
import { dev } from "./dev.ts";
import { addKeyCommands } from "./keys.ts";
import { addReuseCommands } from "./reuse.ts";
import { addSettingsCommands } from "./settings.ts";
import { addWorkerCommands } from "./workers.ts";

/**
 * Names that an API or a dispatcher looks up at once, those of webhook receivers above all. An API asks for one fewer and leaves one
 * for Redis; of a dispatcher so many, and no fewer, hold up others when their DNS hangs. A thread takes about 35 kB.
 */
const LOOKUPS = 65;

export interface ProgramOptions {
  readonly env: Env;
  /** The script that this program runs as, for the processes that `dev` forks. */
  readonly entry: string;
  /** Where commands that do one thing and end write. Default: this process's. */
  readonly out?: { write(text: string): unknown };
  readonly err?: { write(text: string): unknown };
}

/** The `llamero` command. A process's code is loaded when its command runs, so that each loads only what it needs. */
export function createProgram(options: ProgramOptions): Command {
  const program = new Command("llamero")
    .description("LLM inference as durable background jobs, on your own models and machines.")
    .showHelpAfterError("llamero --help lists the commands.")
    .addHelpText("after", "\nEvery command reads its configuration from environment variables; the README lists them.");
  addProcessCommands(program, options);
  const io = { env: options.env, out: options.out ?? process.stdout, err: options.err ?? process.stderr };
  addKeyCommands(program, io);
  addSettingsCommands(program, io);
  addReuseCommands(program, io);
  addWorkerCommands(program, io);
  return program;
}

function addProcessCommands(program: Command, { env, entry }: ProgramOptions): void {
  program
    .command("dev")
    .description("run everything on this machine: Redis, API, worker and dispatcher")
    .action(() => dev({ env, entry, out: process.stdout }));
  program
    .command("api")
    .description("run an API process")
    .action(async () => {
      sizeThreadPool(process.env, { lookups: LOOKUPS });
      await (await import("@llamero/api/main")).main(env);
    });
  program
    .command("worker")
    .description("run a worker process, which loads the models and runs jobs")
    .option("--gpus <list>", "one worker process for each of these CUDA GPUs: all, or indices as nvidia-smi lists them: 0,1")
    .action(({ gpus = "" }: { gpus?: string }) => runWorkers(gpus === "" ? env : { ...env, LLAMERO_GPUS: gpus }, entry));
  program
    .command("autoscale")
    .description("start and stop workers on this machine as the queue of a model needs them")
    .option("--model <name>", "whose queue to go by (default: the default model)")
    .option("--min <workers>", "never fewer", "0")
    .option("--max <workers>", "never more", "4")
    .option("--target <seconds>", "for how long a job may wait", "60")
    .option("--down-after <seconds>", "stop a worker when fewer have been enough for so long", "60")
    .action(async (flags: AutoscaleFlags) => {
      await (await import("./autoscale.ts")).autoscale({ env, entry, out: process.stdout, flags });
    });
  program
    .command("dispatcher")
    .description("run a dispatcher process, which sends webhooks and sweeps up")
    .action(async () => {
      sizeThreadPool(process.env, { lookups: LOOKUPS });
      await (await import("@llamero/dispatcher/main")).main(env);
    });
}

async function runWorkers(env: Env, entry: string): Promise<void> {
  const isPerGpu = (env["LLAMERO_GPUS"] ?? "") !== "";
  if (isPerGpu) await (await import("./gpu-workers.ts")).gpuWorkers({ env, entry, out: process.stdout });
  else await (await import("@llamero/worker/main")).main(env);
}
