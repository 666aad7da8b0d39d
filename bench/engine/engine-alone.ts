import { join } from "node:path";
import { type EngineRuntime, startEngine } from "@llamero/engine";
import { type Contestant, type Course, nowMs } from "./contestant.ts";

const MODEL = "bench";

/** A worker keeps its engine's measurements there, within its data folder. */
const CACHE_FOLDER = "engine";

export interface EngineListeners {
  onExit?: (error: Error) => void;
  onLog?: (line: string) => void;
}

/**
 * Starts our engine on a course.
 * @throws Error when it gives less than was asked for
 */
export async function openEngine(
  course: Omit<Course, "dataDir"> & { dataDir?: string },
  listeners: EngineListeners = {},
): Promise<EngineRuntime> {
  const { path, slots, contextSize, threads, contexts, gpu, dataDir } = course;
  const engine = await startEngine({
    models: [{ kind: "file", name: MODEL, path }],
    gpu,
    slots,
    contextSize,
    ...(threads === null ? {} : { threads }),
    ...(contexts === null ? {} : { contexts }),
    ...(dataDir === undefined ? {} : { cacheDir: join(dataDir, CACHE_FOLDER) }),
    ...listeners,
  });
  const loaded = engine.models[0];
  if (loaded?.slots === slots && loaded.context_length >= contextSize) return engine;
  await engine.close();
  throw new Error(`the engine was reduced to ${loaded?.slots} slots of ${loaded?.context_length} tokens`);
}

/** The request of a job that makes exactly `maxTokens` tokens. */
export function exactRequest(prompt: string, maxTokens: number) {
  const params = { seed: 1, max_tokens: maxTokens, ignore_eos: true };
  return { model: MODEL, request: { v: 1, type: "completion", prompt, params } } as const;
}

/** The engine's own word on its layout: `Model bench: 8 slots of 256 tokens in 2 contexts, …`. */
const LAYOUT = /^Model \S+: (.*)$/;

/** Passes the engine's word on its layout on, and none of its other lines. */
export function layoutTo(log: (line: string) => void): (line: string) => void {
  return (line) => {
    const layout = LAYOUT.exec(line)?.[1];
    if (layout !== undefined) log(layout);
  };
}

/** Our engine, without a queue before it. */
export async function openEngineAlone(course: Course): Promise<Contestant> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => {});
  let layout = "";
  const onLog = (line: string) => {
    layout = LAYOUT.exec(line)?.[1] ?? layout;
  };
  const engine = await openEngine(course, { onExit: reject, onLog });
  return {
    name: "engine",
    layout,
    pids: [engine.pid],
    loopPid: engine.pid,
    inFlight: course.slots * 2,
    failed,
    run: async ({ id, prompt, maxTokens }) => {
      const { usage, timings } = await engine.generate({ id, ...exactRequest(prompt, maxTokens) }, () => {});
      const endedAtMs = nowMs();
      const firstTokenAtMs = endedAtMs - (timings.generate_ms ?? 0);
      return {
        promptTokens: usage.prompt_tokens,
        completionTokens: usage.completion_tokens,
        startedAtMs: firstTokenAtMs - (timings.prefill_ms ?? 0),
        firstTokenAtMs,
        endedAtMs,
      };
    },
    counters: async () => (await engine.stats())[MODEL] ?? null,
    close: () => engine.close(),
  };
}
