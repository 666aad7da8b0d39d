import { hostname } from "node:os";
import { AppError, queueSlug, ScaleDown, type ScaleLimits, scaleOf } from "@llamero/core";
import {
  type Env,
  type ProcessContext,
  parseEnv,
  type ReadyDetails,
  runProcess,
  type Settings,
  settingsFor,
} from "@llamero/process";
import { connectRedis, createStore, loadOf, type Store } from "@llamero/store";
import { forkedProcess } from "./forked-process.ts";
import { LocalWorkers } from "./local-workers.ts";
import { portBehind } from "./port-behind.ts";
import { type Backoff, Supervisor } from "./supervisor.ts";

/** How often the queue is looked at, in milliseconds. */
const LOOK_MS = 2_000;
/** A worker's part of `LLAMERO_STOP_SECONDS`, and the part after which it is killed for being late. */
const OWN_DEADLINE = 0.85;
const KILL_DEADLINE = 0.95;

/** As the command line has them. */
export interface AutoscaleFlags {
  model?: string;
  min: string;
  max: string;
  target: string;
  downAfter: string;
}

export interface AutoscaleOptions {
  readonly env: Env;
  /** The script that runs a worker when its first argument is `worker`. */
  readonly entry: string;
  readonly out: { write(text: string): unknown };
  readonly flags: AutoscaleFlags;
  readonly backoff?: Backoff;
}

type WorkerSettings = Settings<"worker">;

interface Plan extends ScaleLimits {
  /** Undefined: the default model. */
  model: string | undefined;
  downAfterMs: number;
}

/** Starts and stops workers on this machine as a model's queue needs them, until told to stop. */
export async function autoscale(options: AutoscaleOptions): Promise<void> {
  const workers: Supervisor<ReadyDetails>[] = [];
  await runProcess<WorkerSettings>({
    name: "autoscale",
    configure: () => parseEnv(settingsFor("worker"), options.env),
    kill: () => {
      for (const worker of workers) worker.kill();
    },
    start: (context) => start(context, options, planOf(options.flags), workers),
  });
}

/** @throws AppError `config_invalid` */
export function planOf({ model, min, max, target, downAfter }: AutoscaleFlags): Plan {
  const whole = (name: string, text: string, least: number) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least)
      throw new AppError("config_invalid", `--${name} must be a whole number from ${least} on, not "${text}".`);
    return value;
  };
  const plan = {
    model,
    min: whole("min", min, 0),
    max: whole("max", max, 1),
    targetSeconds: whole("target", target, 1),
    downAfterMs: whole("down-after", downAfter, 0) * 1_000,
  };
  if (plan.min > plan.max) throw new AppError("config_invalid", `--min ${plan.min} is more than --max ${plan.max}.`);
  return plan;
}

async function start(
  context: ProcessContext<WorkerSettings>,
  options: AutoscaleOptions,
  plan: Plan,
  workers: Supervisor<ReadyDetails>[],
): Promise<ReadyDetails> {
  const { config, logger, lifecycle, signal } = context;
  const redis = await connectRedis(config.REDIS_URL, "worker");
  lifecycle.defer("redis", () => redis.disconnect());
  const store = createStore({ redis, prefix: config.LLAMERO_PREFIX });
  const stopMs = config.LLAMERO_STOP_SECONDS * 1_000 * KILL_DEADLINE;
  const fleet = new LocalWorkers(workers, (at) => supervise(at, context, options), stopMs, logger);
  lifecycle.defer("workers", () => fleet.close());
  const down = new ScaleDown(plan.downAfterMs);
  const look = async () => {
    const { model, desired, elsewhere } = await wanted(store, plan, new Set(workers.map(({ pid }) => pid)));
    const count = Math.min(plan.max, Math.max(plan.min, down.next(desired - elsewhere, performance.now())));
    if (count === workers.length || signal.aborted) return;
    logger.info(
      { model, desired, elsewhere, workers: workers.length, next: count },
      `scaling from ${workers.length} to ${count}`,
    );
    await fleet.scaleTo(count);
  };
  const pass = () =>
    look().catch((error: unknown) => logger.warn({ err: error }, "could not look at the queue; it is looked at again"));
  let timer: NodeJS.Timeout | null = null;
  const loop = async () => {
    await pass();
    if (!signal.aborted) timer = setTimeout(() => void loop(), LOOK_MS);
  };
  lifecycle.defer("loop", () => timer !== null && clearTimeout(timer));
  void loop();
  return {};
}

/** How many workers the queue needs, and how many others' run it. Until a worker has told what the model is, one finds out. */
async function wanted(store: Store, plan: Plan, own: ReadonlySet<number | null>) {
  const catalogue = await store.catalogue();
  const entry = plan.model === undefined ? catalogue[0] : catalogue.find(({ name }) => name === plan.model);
  if (entry === undefined) return { model: plan.model, desired: 1, elsewhere: 0 };
  const { name, slug } = entry;
  const [[queue], live] = await Promise.all([store.queues([slug]), store.liveWorkers()]);
  const { desired } = queue === undefined ? { desired: 0 } : scaleOf(loadOf(queue), { ...plan, min: 0 });
  const isOwn = ({ host, pid }: { host: string; pid: number }) => host === hostname() && own.has(pid);
  const serving = live.filter(({ slots }) => slots.some((each) => each.slug === queueSlug(slug) && each.slots > 0));
  return { model: name, desired, elsewhere: serving.filter((worker) => !isOwn(worker)).length };
}

function supervise(
  at: number,
  { config, logger }: ProcessContext<WorkerSettings>,
  { env, entry, out, backoff }: AutoscaleOptions,
) {
  const own = {
    ...env,
    LLAMERO_OPS_PORT: portBehind(config.LLAMERO_OPS_PORT, at),
    LLAMERO_STOP_SECONDS: (config.LLAMERO_STOP_SECONDS * OWN_DEADLINE).toFixed(3),
  };
  const spec = forkedProcess({ name: "worker", label: `worker ${at + 1}`, entry, env: own });
  const onLine = (_name: string, line: string) => void out.write(`${line}\n`);
  return new Supervisor(spec, { logger, onLine, ...(backoff === undefined ? {} : { backoff }) });
}
