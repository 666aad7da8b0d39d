import {
  ANSWER_TTL_SECONDS,
  type EmbeddingRequest,
  type JobRequest,
  MOST_ANSWER_BYTES,
  type ModelEntry,
  type ReuseMode,
  type ReuseState,
  reusableForm,
  wantsReuse,
} from "@llamero/core";
import type { Redis } from "ioredis";
import { readCatalogue } from "../catalogue.ts";
import type { Keys } from "../keys.ts";
import type { StoredResult } from "../record.ts";
import { guarded } from "../redis-errors.ts";
import type { RunScript } from "../scripts.ts";
import type { SettingsStore } from "../settings.ts";
import { modelMark, requestKey } from "./reuse-key.ts";
import { stateOf } from "./reuse-state.ts";
import { findVectors, type KnownVector, keepVectors, type VectorsOf } from "./vectors.ts";

/** How a job may be answered by what others were answered. */
export interface Reuse {
  /** Of what it asks for: jobs with the same key have the same answer. */
  key: string;
  /** The answer, where it is known before the job is stored: `StoredResult` as JSON. Null: what is kept under the key counts. */
  answer: { result: string; promptTokens: number } | null;
}

/** A request that may be answered by what others were answered. */
export interface AskedReuse {
  owner: string;
  model: Pick<ModelEntry, "slug" | "digest" | "context_length">;
  request: JobRequest;
  /** The caller has named the seed. */
  isSeedGiven: boolean;
  /** What the request itself says of reuse; undefined: nothing. */
  asked: boolean | undefined;
  /** Most texts to embed whose vectors are looked up before the job is stored. Default: however many. */
  mostInputs?: number;
}

const FORGOTTEN_AT_ONCE = 500;

/** Answers that are given again. */
export function createReuse(redis: Redis, keys: Keys, run: RunScript, mode: () => ReuseMode, settings: SettingsStore) {
  const answerOf = async (of: VectorsOf, { input }: EmbeddingRequest): Promise<Reuse["answer"]> => {
    const texts = [...new Set(input)];
    const known = await findVectors(run, of, texts, "all");
    if (known.size < texts.length) return null;
    const found = input.flatMap((text) => known.get(text) ?? []);
    const promptTokens = found.reduce((sum, { tokens }) => sum + tokens, 0);
    const result: StoredResult = {
      embeddings: found.map(({ vector }) => vector),
      usage: { prompt_tokens: promptTokens, cached_tokens: 0, completion_tokens: 0, total_tokens: promptTokens },
    };
    return { result: JSON.stringify(result), promptTokens };
  };
  return {
    /** How a request may be answered by what others were answered; null where it may not. */
    async ask({ owner, model, request, isSeedGiven, asked, mostInputs }: AskedReuse): Promise<Reuse | null> {
      const form = wantsReuse(mode(), asked) ? reusableForm(request, isSeedGiven) : null;
      if (form === null) return null;
      const mark = modelMark(model);
      const key = requestKey(mark, owner, form);
      if (request.type !== "embedding" || request.input.length > (mostInputs ?? Number.POSITIVE_INFINITY))
        return { key, answer: null };
      return { key, answer: await answerOf({ slug: model.slug, mark, owner }, request) };
    },
    /** The vectors that are kept of some of these texts. */
    findVectors: (of: VectorsOf, texts: readonly string[]): Promise<Map<string, KnownVector>> =>
      findVectors(run, of, texts, "any"),
    /** @throws AppError `redis_memory_full` */
    keepVectors: (of: VectorsOf, vectors: ReadonlyMap<string, KnownVector>): Promise<void> => keepVectors(run, of, vectors),
    /** What is kept, and how often it was of use. */
    state: (): Promise<ReuseState> =>
      guarded(async () => {
        const [catalogue, { settings: current }] = await Promise.all([readCatalogue(redis, keys), settings.read()]);
        const counts = await Promise.all(catalogue.map(({ slug }) => redis.hgetall(keys.reuseCounts(slug))));
        return stateOf(
          {
            mode: current.reuse?.mode ?? mode(),
            ttl_seconds: current.reuse?.ttl_seconds ?? ANSWER_TTL_SECONDS,
            max_bytes: current.reuse?.max_bytes ?? MOST_ANSWER_BYTES,
          },
          catalogue.map(({ name }, index) => ({ name, counts: counts[index] ?? {} })),
        );
      }),
    /** Forgets every answer that is kept by now. Jobs keep theirs. @returns how many there were */
    async forget(by: string): Promise<number> {
      let forgotten = 0;
      for (;;) {
        const count = Number(await run("forget-answers", [FORGOTTEN_AT_ONCE]));
        forgotten += count;
        if (count < FORGOTTEN_AT_ONCE) break;
      }
      await run("note-forgotten", [by, forgotten]);
      return forgotten;
    },
  };
}
