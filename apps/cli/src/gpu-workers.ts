import { AppError } from "@llamero/core";
import {
  type Env,
  type ProcessContext,
  parseEnv,
  type ReadyDetails,
  runProcess,
  type Settings,
  settingsFor,
} from "@llamero/process";
import { forkedProcess } from "./forked-process.ts";
import { findGpus, type Gpu } from "./gpus.ts";
import { portBehind } from "./port-behind.ts";
import { type Backoff, Supervisor } from "./supervisor.ts";

/** A worker's part of `LLAMERO_STOP_SECONDS`, and the part after which it is killed for being late. */
const OWN_DEADLINE = 0.85;
const KILL_DEADLINE = 0.95;

export interface GpuWorkersOptions {
  readonly env: Env;
  /** The script that runs a worker when its first argument is `worker`. */
  readonly entry: string;
  readonly out: { write(text: string): unknown };
  readonly backoff?: Backoff;
}

type WorkerSettings = Settings<"worker">;

/** One worker process per GPU that `LLAMERO_GPUS` names, each pinned to its own, until told to stop. */
export async function gpuWorkers(options: GpuWorkersOptions): Promise<void> {
  const workers: Supervisor<ReadyDetails>[] = [];
  await runProcess<WorkerSettings>({
    name: "worker",
    configure: () => withCuda(parseEnv(settingsFor("worker"), options.env)),
    kill: () => {
      for (const worker of workers) worker.kill();
    },
    start: async (context) => {
      const gpus = await findGpus(context.config.LLAMERO_GPUS ?? "all", options.env);
      workers.push(...gpus.map((gpu, at) => supervise(gpu, at, context, options)));
      return await startAll(workers, context);
    },
  });
}

/** `CUDA_VISIBLE_DEVICES` pins CUDA alone. */
function withCuda(config: WorkerSettings): WorkerSettings {
  if (config.LLAMERO_GPU === "auto" || config.LLAMERO_GPU === "cuda") return config;
  const text = `GPUs are asked for by number, which is CUDA's, but LLAMERO_GPU is ${config.LLAMERO_GPU}. Set one of the two.`;
  throw new AppError("config_invalid", text);
}

function supervise({ index }: Gpu, at: number, { config, logger }: ProcessContext<WorkerSettings>, options: GpuWorkersOptions) {
  const env = {
    ...options.env,
    LLAMERO_GPUS: "",
    // The GPU is asked for: a worker that finds none is not to fall back to the CPU.
    LLAMERO_GPU: "cuda",
    CUDA_VISIBLE_DEVICES: String(index),
    // nvidia-smi counts so, CUDA by speed.
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    LLAMERO_OPS_PORT: portBehind(config.LLAMERO_OPS_PORT, at),
    LLAMERO_STOP_SECONDS: (config.LLAMERO_STOP_SECONDS * OWN_DEADLINE).toFixed(3),
  };
  const spec = forkedProcess({ name: "worker", label: `worker on GPU ${index}`, entry: options.entry, env });
  const { backoff } = options;
  const onLine = (_name: string, line: string) => options.out.write(`${line}\n`);
  return new Supervisor(spec, { logger, onLine, ...(backoff === undefined ? {} : { backoff }) });
}

/** The first one alone: what has to be downloaded is there then for the others. */
async function startAll(
  workers: readonly Supervisor<ReadyDetails>[],
  { config, logger, lifecycle }: ProcessContext<WorkerSettings>,
): Promise<ReadyDetails> {
  const stopMs = config.LLAMERO_STOP_SECONDS * 1000 * KILL_DEADLINE;
  lifecycle.defer("workers", () => Promise.all(workers.map((worker) => worker.stop(stopMs))));
  const [first, ...others] = workers;
  const ready = (await first?.start()) ?? {};
  await Promise.all(others.map((worker) => worker.start()));
  logger.info({ workers: workers.map(({ name, pid }) => ({ name, pid })) }, "every GPU has its worker");
  return ready;
}
