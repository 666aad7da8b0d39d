import { z } from "zod";
import type { GenerateRequest, JobRequest } from "./job-request.ts";

/** Which requests are answered from what others were answered: all that may be, those that ask for it, none. */
export const reuseModes = ["all", "asked", "off"] as const;
export type ReuseMode = (typeof reuseModes)[number];

/** Default of what answers that are kept may take of Redis's memory together, in bytes; lua/answers.lua has the same. */
export const MOST_ANSWER_BYTES = 67_108_864;
/** Default of how long an answer is kept, in seconds; lua/answers.lua has the same. */
export const ANSWER_TTL_SECONDS = 3_600;

const DAYS_30_SECONDS = 2_592_000;

export const reuseSettingsShape = {
  mode: z.enum(reuseModes).meta({
    description:
      "all: every request that may be; asked: those with `reuse: true`; off: none. Else `LLAMERO_REUSE` of each process.",
  }),
  ttl_seconds: z
    .int()
    .min(1)
    .max(DAYS_30_SECONDS)
    .meta({ description: `Default: ${ANSWER_TTL_SECONDS}.` }),
  max_bytes: z
    .int()
    .min(0)
    .max(2 ** 40)
    .meta({ description: `What all answers may take of Redis's memory together. Default: ${MOST_ANSWER_BYTES}.` }),
};

/** @param asked what the request itself says; undefined: nothing */
export function wantsReuse(mode: ReuseMode, asked: boolean | undefined): boolean {
  if (mode === "off" || asked === false) return false;
  return mode === "all" || asked === true;
}

type Params = GenerateRequest["params"];

/** Without effect where nothing is drawn: the highest logit is taken, whatever is cut away below it. */
const WITHOUT_EFFECT_IF_GREEDY = ["temperature", "top_p", "top_k", "min_p"] as const satisfies (keyof Params)[];

/** What some params say is what holds without them (packages/engine/src/child/sampling.ts). */
const NEUTRAL: Partial<Params> = {
  top_p: 0.95,
  top_k: 40,
  min_p: 0,
  presence_penalty: 0,
  frequency_penalty: 0,
  repeat_penalty: 1,
  dry_multiplier: 0,
  xtc_probability: 0,
  ignore_eos: false,
  tool_choice: "auto",
  parallel_tool_calls: true,
};

/** Params in one order, without those that change nothing. */
function normalParams(given: Params): Partial<Params> {
  const isGreedy = (given.temperature ?? 0) === 0;
  const drop = new Set<string>(isGreedy ? WITHOUT_EFFECT_IF_GREEDY : []);
  if (isGreedy && !given.xtc_probability) drop.add("seed");
  if (given.response_format?.type === "text") drop.add("response_format");
  const names = (Object.keys(given) as (keyof Params)[]).filter((name) => !drop.has(name) && given[name] !== undefined).sort();
  const said = names.filter((name) => given[name] !== NEUTRAL[name]).map((name) => [name, given[name]]);
  const params = Object.fromEntries(said) as Partial<Params>;
  return given.stop === undefined ? params : { ...params, stop: [given.stop].flat() };
}

/**
 * A request without what changes nothing of its answer, the same for two that ask for the same; null where what is drawn at random
 * decides, and the caller has not said how. The order of properties in schemas is kept: answers follow it.
 * @param isSeedGiven the caller has named the seed
 */
export function reusableForm(request: JobRequest, isSeedGiven: boolean): object | null {
  if (!("params" in request)) return request;
  const params = normalParams(request.params);
  if (params.seed !== undefined && !isSeedGiven) return null;
  // Where it runs changes nothing in what it answers.
  const { session_id: _session, ...rest } = request;
  return { ...rest, params };
}

const count = z.int().nonnegative();
const rate = z.number().min(0).max(1).nullable().meta({
  description: "Of the requests that may be answered again, the share that was not computed; null while there were none.",
});

/** Answers that are kept, and how often they were of use since the counting began. */
export const reuseStateSchema = z
  .object({
    object: z.literal("reuse"),
    mode: z.enum(reuseModes),
    ttl_seconds: z.int(),
    max_bytes: z.int(),
    entries: count,
    bytes: count,
    hit_rate: rate,
    models: z.array(
      z.object({
        model: z.string(),
        hit_rate: rate,
        hits: count.meta({ description: "Jobs that had their answer when they came." }),
        coalesced: count.meta({ description: "Jobs that waited for one under way that asked for the same." }),
        misses: count.meta({ description: "Jobs that were computed." }),
        input_hits: count.meta({ description: "Texts to embed whose vectors were kept." }),
        input_misses: count,
        entries: count,
        bytes: count,
        evictions: count.meta({ description: "Answers that have gone to make room for others." }),
      }),
    ),
  })
  .meta({ id: "Reuse" });
export type ReuseState = z.infer<typeof reuseStateSchema>;
