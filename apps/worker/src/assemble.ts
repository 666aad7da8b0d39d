import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { modelSlug, newId } from "@llamero/core";
import { type LoadedHooks, type ProcessContext, type Settings, startRedisProbe } from "@llamero/process";
import { Carriers } from "@llamero/queue";
import { type connectRedis, createStore, type WorkerBeat } from "@llamero/store";
import { announce } from "./announce.ts";
import { Heartbeat } from "./heartbeat.ts";
import { countStarts, exportModels, observeAttempt, tokensOf } from "./metrics.ts";
import { ModelPlacement } from "./model-placement.ts";
import { Pace } from "./pace.ts";
import { PlacedModel } from "./placed-model.ts";
import type { Serving, Startable } from "./served-models.ts";
import { traceAttempt } from "./trace-attempt.ts";
import { Wishes, type WishesOptions } from "./wishes.ts";

type Connection = Awaited<ReturnType<typeof connectRedis>>;

/** What the worker serves at first, and what it is put together with. */
export interface Parts extends Serving, Pick<WishesOptions, "survey"> {
  hooks: LoadedHooks;
}

/** Puts the worker together; nothing runs yet. */
export function assemble(
  { config, logger, lifecycle, metrics, tracing, health, fail }: ProcessContext<Settings<"worker">>,
  { redis, pulls }: { redis: Connection; pulls: Connection },
  { models: started, budgetBytes, survey, hooks: { afterFinish } }: Parts,
) {
  const store = createStore({ redis, prefix: config.LLAMERO_PREFIX });
  const probe = startRedisProbe({ ping: store.ping, metrics, health });
  lifecycle.defer("redis probe", () => probe.stop());
  const carriers = new Carriers({ connection: redis, store });
  lifecycle.defer("carriers", () => carriers.close());
  const workerId = newId("worker", { now: Date.now, randomBytes, cell: store.cell });
  const keptMs = config.LLAMERO_PREFIX_AWARE ? config.LLAMERO_SESSION_SECONDS * 1000 : null;
  const pace = new Pace();
  const place = ({ spec, served, start }: Startable) =>
    new PlacedModel({
      ...{ spec, served, budgetBytes },
      server: {
        start: countStarts(served.facts.name, start, metrics),
        ...{ store, carriers, pulls, workerId, keptMs, afterFinish, logger },
        onEnded: (ended) => {
          observeAttempt(metrics, ended);
          traceAttempt(tracing, workerId, ended);
          pace.add(tokensOf(ended));
        },
        onFailure: fail,
      },
      onChange: () => heartbeat.soon(),
      onRoom: () => placement.wake(),
    });
  /** Changes where an administrator wants others. */
  const models = started.map(place);
  const announceAll = () => announce(store, models.flatMap(namesOf), logger, Date.now());
  const onLoaded = () =>
    void announceAll().catch((error: unknown) => logger.warn({ err: error }, "could not renew the catalogue's entries"));
  const placement = new ModelPlacement({ models, budgetBytes, workerId, store, logger, onLoaded });
  lifecycle.defer("models", async () => {
    // A change that is under way waits for jobs, which end with the models.
    const changed = wishes.stop();
    await placement.close(config.LLAMERO_STOP_SECONDS * 1000);
    await changed;
  });
  const wishes = new Wishes({ store, workerId, models, placement, survey, place, announceAll, logger });
  const identity = { workerId, host: hostname(), pid: process.pid, startedAtMs: Date.now() };
  const read = () => ({
    ...{ ...identity, ...told(models), tokensPerSecond: pace.tokensPerSecond },
    ...{ isDrained: wishes.isDrained, wishError: wishes.error },
  });
  const heartbeat = new Heartbeat({ store, carriers, logger, read, onBeat: () => wishes.look() });
  lifecycle.defer("heartbeat", () => heartbeat.stop());
  exportModels(models, metrics);
  health.check("models", () => withoutModel(models));
  return { store, workerId, models, placement, wishes, heartbeat, announceAll };
}

const namesOf = ({ facts, variants }: PlacedModel) => [facts, ...variants];

/** What a heartbeat tells of the models. */
function told(models: readonly PlacedModel[]): Pick<WorkerBeat, "slots" | "models" | "variants" | "specs"> {
  return {
    slots: models.flatMap(({ slug, slots }) => (slots === null ? [] : [{ slug, slots }])),
    models: models.map((model) => model.placement()),
    variants: models.flatMap(({ name, variants }) => variants.map((variant) => modelSlug(variant.name, name))),
    specs: [...new Set(models.map(({ spec }) => spec))],
  };
}

/** Why a worker has no model that takes jobs; null: it has one. */
function withoutModel(models: readonly PlacedModel[]): string | null {
  if (models.some(({ slots }) => slots !== null && slots > 0)) return null;
  return `none takes jobs: ${models.map((model) => `${model.name} is ${model.placement().state}`).join(", ")}`;
}
