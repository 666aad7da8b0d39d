import { isTerminal, type PlacementState, placementStates, type Timings, type Usage } from "@llamero/core";
import type { Metrics, Sample } from "@llamero/process";
import type { EndedAttempt } from "./job-runner.ts";
import type { StartEngine } from "./model-server.ts";
import type { PlacedModel } from "./placed-model.ts";

/** How an attempt has ended, in a word: as its job has, or back to the queue, or taken over. */
export function resultOf({ ending }: EndedAttempt): string {
  if (ending === null) return "lost";
  return isTerminal(ending.status) ? ending.status : "requeued";
}

/** Counts an attempt that has ended, and how long its job took where that ended too. */
export function observeAttempt(metrics: Metrics, ended: EndedAttempt): void {
  const { model, claim, ending, tookMs } = ended;
  metrics.count("llamero_attempts_total", { model, result: resultOf(ended) });
  if (ending === null || ending.status === "queued") return;
  const labels = { model, class: claim.priority };
  metrics.observe("llamero_job_duration_seconds", labels, (claim.queueMs + tookMs) / 1_000);
  if (!("result" in ending)) return;
  const { timings, usage } = ending.result;
  if (timings !== undefined) observeTimings(metrics, labels, timings, usage?.completion_tokens ?? 0);
  if (usage !== undefined) countTokens(metrics, model, usage);
}

/** What an attempt's job has cost, of prompt and completion, where it has ended with it. */
export function tokensOf({ ending }: EndedAttempt): number {
  return ending !== null && "result" in ending ? (ending.result.usage?.total_tokens ?? 0) : 0;
}

function observeTimings(metrics: Metrics, labels: { model: string; class: string }, timings: Timings, tokens: number): void {
  const { queue_ms, first_token_ms, generate_ms } = timings;
  if (queue_ms !== null) metrics.observe("llamero_job_queue_seconds", labels, queue_ms / 1_000);
  if (first_token_ms !== null) metrics.observe("llamero_job_first_token_seconds", labels, first_token_ms / 1_000);
  if (generate_ms === null || tokens < 2) return;
  metrics.observe("llamero_job_token_seconds", { model: labels.model }, generate_ms / (tokens - 1) / 1_000);
}

function countTokens(metrics: Metrics, model: string, { prompt_tokens, cached_tokens, completion_tokens }: Usage): void {
  metrics.count("llamero_tokens_total", { model, kind: "prompt" }, prompt_tokens - cached_tokens);
  metrics.count("llamero_tokens_total", { model, kind: "cached" }, cached_tokens);
  metrics.count("llamero_tokens_total", { model, kind: "completion" }, completion_tokens);
}

/** Counts the starts of a model's engine, and how long the last one took. */
export function countStarts(model: string, start: StartEngine, metrics: Metrics): StartEngine {
  return async (onExit, signal) => {
    const startedAtMs = performance.now();
    try {
      const engine = await start(onExit, signal);
      metrics.count("llamero_model_loads_total", { model, result: "loaded" });
      metrics.set("llamero_model_load_seconds", { model }, (performance.now() - startedAtMs) / 1_000);
      return engine;
    } catch (error) {
      if (!signal.aborted) metrics.count("llamero_model_loads_total", { model, result: "failed" });
      throw error;
    }
  };
}

/** What the models of a worker are is read when somebody asks. */
export function exportModels(models: readonly PlacedModel[], metrics: Metrics): void {
  metrics.onCollect(() => {
    metrics.replace("llamero_model_state", models.flatMap(stateSamples));
    metrics.replace("llamero_model_bytes", models.flatMap(memorySamples));
    metrics.replace(
      "llamero_worker_slots",
      models.map((model) => ({ model: model.name, value: model.slots ?? 0 })),
    );
    metrics.replace(
      "llamero_worker_jobs",
      models.map((model) => ({ model: model.name, value: model.inHand })),
    );
  });
  metrics.onCollect(() => exportEngines(models, metrics));
}

function stateSamples({ name, state }: { name: string; state: PlacementState }): Sample<"llamero_model_state">[] {
  return placementStates.map((each) => ({ model: name, state: each, value: Number(each === state) }));
}

function memorySamples({ name, footprint }: PlacedModel): Sample<"llamero_model_bytes">[] {
  if (footprint === null) return [];
  const { estimated, usedVram } = footprint;
  return [
    { model: name, kind: "ram", value: estimated.ram },
    { model: name, kind: "vram", value: usedVram },
    { model: name, kind: "vram_estimated", value: estimated.vram },
  ];
}

async function exportEngines(models: readonly PlacedModel[], metrics: Metrics): Promise<void> {
  const asked = await Promise.allSettled(models.map(async (model) => ({ model: model.name, stats: await model.stats() })));
  const known = asked.flatMap((answer) => {
    // An engine that has just crashed has nothing to tell.
    if (answer.status === "rejected" || answer.value.stats === null) return [];
    return [{ model: answer.value.model, ...answer.value.stats }];
  });
  metrics.replace(
    "llamero_engine_steps_total",
    known.map(({ model, steps }) => ({ model, value: steps })),
  );
  metrics.replace(
    "llamero_engine_batch_slots_total",
    known.flatMap(({ model, occupied, capacity }) => [
      { model, kind: "used", value: occupied },
      { model, kind: "offered", value: capacity },
    ]),
  );
  metrics.replace(
    "llamero_engine_batch_tokens_total",
    known.flatMap(({ model, prefillTokens, decodedTokens }) => [
      { model, kind: "prefill", value: prefillTokens },
      { model, kind: "decode", value: decodedTokens },
    ]),
  );
  metrics.replace(
    "llamero_engine_kv_tokens",
    known.flatMap(({ model, kvTokens, kvCapacity }) => [
      { model, kind: "used", value: kvTokens },
      { model, kind: "capacity", value: kvCapacity },
    ]),
  );
}
