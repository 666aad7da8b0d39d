import { z } from "zod";
import { ownRecord } from "./own-record.ts";
import { textShare } from "./text-hash.ts";

const MOST_ALIASES = 200;
const MOST_TARGETS = 16;
const MOST_FALLBACKS = 8;

const nameSchema = z.string().min(1).max(256);
const targetSchema = z.strictObject({
  model: nameSchema.meta({ description: "A model's own name: an alias does not stand for another." }),
  weight: z
    .number()
    .min(0)
    .max(1_000_000)
    .optional()
    .meta({ description: "Its part of the jobs, as against the others'. Default: 1." }),
});
type Target = z.infer<typeof targetSchema>;

const sum = (targets: readonly Target[]) => targets.reduce((all, { weight = 1 }) => all + weight, 0);
const seconds = z.number().min(0.1).max(604_800);

const fields = {
  targets: z
    .array(targetSchema)
    .min(1)
    .max(MOST_TARGETS)
    .refine((targets) => sum(targets) > 0, "gives no model a weight above 0"),
  sticky: z.enum(["none", "owner"]).meta({
    description:
      "`owner`: all jobs of an owner go to the same model, for as long as the weights stay. Default: `none`, each by itself.",
  }),
  fallback: z
    .array(nameSchema)
    .min(1)
    .max(MOST_FALLBACKS)
    .meta({
      description:
        "Models that take a job, one after the other, when the one before has failed at it, has had it for `timeout_seconds`, or has an " +
        "open breaker.",
    }),
  timeout_seconds: seconds.meta({
    description:
      "For so long a model may have a job, waiting included, before the next of `fallback` gets it. Default: no limit.",
  }),
  degraded: z
    .strictObject({
      model: nameSchema.meta({ description: "Smaller and quicker, or elsewhere." }),
      wait_seconds: seconds
        .optional()
        .meta({ description: "Expected wait from which on. Default: only while breakers are open." }),
    })
    .meta({
      description:
        "Takes new jobs while those before would wait longer, or all models above have open breakers. Such jobs say so.",
    }),
};
const { targets, sticky, fallback, timeout_seconds, degraded } = fields;
const removable = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().optional();

const ruleSchema = z.strictObject({
  targets,
  sticky: sticky.optional(),
  fallback: fallback.optional(),
  timeout_seconds: timeout_seconds.optional(),
  degraded: degraded.optional(),
});
const aliasSchema = z.union([nameSchema, ruleSchema]);
const patchSchema = z.union([
  nameSchema,
  z.strictObject({
    targets: targets.optional(),
    sticky: removable(sticky),
    fallback: removable(fallback),
    timeout_seconds: removable(timeout_seconds),
    degraded: removable(degraded),
  }),
]);

/** Name that jobs ask for → the model that runs them, or several with weights. */
export const aliasesSchema = ownRecord(
  z
    .record(nameSchema, aliasSchema)
    .refine((aliases) => Object.keys(aliases).length <= MOST_ALIASES, `has more than ${MOST_ALIASES} names`),
);
export type Aliases = z.infer<typeof aliasesSchema>;
export const aliasesPatchSchema = ownRecord(z.record(nameSchema, patchSchema.nullable()));

/** What tells one job from another where an alias stands for several models. */
export interface RouteTicket {
  jobId: string;
  owner: string;
}

/** How models are at the moment, by their names. */
export interface ModelsHealth {
  /** Its breaker lets no job through. */
  isOpen(model: string): boolean;
  /** What a job that came now would wait; null where that is not known. */
  waitSeconds(model: string): number | null;
}

const HEALTHY: ModelsHealth = { isOpen: () => false, waitSeconds: () => null };

/** Where a job goes. */
export interface Route {
  model: string;
  /** What it has asked for, where that stands for the model; else null. */
  alias: string | null;
  /** Who gets it next, in this order. */
  fallback: readonly string[];
  /** For how long each of them may have it, in milliseconds; null: there is no limit. */
  timeoutMs: number | null;
  /** It is not the model that it would have had otherwise. */
  isDegraded: boolean;
}

type Rule = z.infer<typeof ruleSchema>;

/** What a name stands for, in one form; null where it is no alias. */
function ruleOf(aliases: Aliases, name: string): Rule | null {
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  if (alias === undefined) return null;
  return typeof alias === "string" ? { targets: [{ model: alias }] } : alias;
}

/** The models that a name stands for, the one with the largest part first; none where it is no alias. */
export function aliasTargets(aliases: Aliases, name: string): string[] {
  const { targets = [] } = ruleOf(aliases, name) ?? {};
  return targets.toSorted((a, b) => (b.weight ?? 1) - (a.weight ?? 1)).map(({ model }) => model);
}

/** Whether the way of a job that asks for this name depends on how models are. */
export function needsHealth(aliases: Aliases, name: string): boolean {
  const { fallback, degraded } = ruleOf(aliases, name) ?? {};
  return fallback !== undefined || degraded !== undefined;
}

/** By weight: the same for the same job, whoever asks and however often. */
function pick(name: string, { targets, sticky }: Rule, { jobId, owner }: RouteTicket): string {
  let left = textShare(`${name} ${sticky === "owner" ? owner : jobId}`) * sum(targets);
  for (const { model, weight = 1 } of targets) {
    left -= weight;
    if (left < 0) return model;
  }
  // What rounding has left over.
  return targets.findLast(({ weight = 1 }) => weight > 0)?.model ?? name;
}

/**
 * Where a job goes that asks for a name; a name that is no alias is the model itself. While all is well, the same job goes the same way,
 * whoever asks and however often.
 */
export function routeOf(aliases: Aliases, name: string, ticket: RouteTicket, health: ModelsHealth = HEALTHY): Route {
  const rule = ruleOf(aliases, name);
  const timeoutMs = rule?.timeout_seconds === undefined ? null : rule.timeout_seconds * 1_000;
  if (rule === null) return { model: name, alias: null, fallback: [], timeoutMs, isDegraded: false };
  const { fallback = [], degraded } = rule;
  const picked = pick(name, rule, ticket);
  const rest = fallback.filter((model) => model !== picked);
  const chain = [picked, ...rest];
  const first = chain.findIndex((model) => !health.isOpen(model));
  const start = chain[first] ?? picked;
  const isOver = degraded !== undefined && isTooMuch(start, first < 0, degraded, health);
  if (isOver)
    return {
      model: degraded.model,
      alias: name,
      fallback: chain.filter((model) => model !== degraded.model),
      timeoutMs,
      isDegraded: true,
    };
  return { model: start, alias: name, fallback: first < 0 ? rest : chain.slice(first + 1), timeoutMs, isDegraded: false };
}

/** Whether the degraded model is to have a job instead of the one that it would go to, which is the first of those that are well, or not. */
function isTooMuch(
  start: string,
  isShut: boolean,
  { model, wait_seconds }: NonNullable<Rule["degraded"]>,
  health: ModelsHealth,
): boolean {
  if (model === start || health.isOpen(model)) return false;
  return isShut || (wait_seconds !== undefined && (health.waitSeconds(start) ?? 0) > wait_seconds);
}
