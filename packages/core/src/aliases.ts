import { z } from "zod";
import { ownRecord } from "./own-record.ts";
import { textShare } from "./text-hash.ts";

const MOST_ALIASES = 200;
const MOST_TARGETS = 16;

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
const targetsSchema = z
  .array(targetSchema)
  .min(1)
  .max(MOST_TARGETS)
  .refine((targets) => sum(targets) > 0, "gives no model a weight above 0");
const stickySchema = z.enum(["none", "owner"]).meta({
  description:
    "`owner`: all jobs of an owner go to the same model, for as long as the weights stay. Default: `none`, each by itself.",
});

const aliasSchema = z.union([nameSchema, z.strictObject({ targets: targetsSchema, sticky: stickySchema.optional() })]);
const patchSchema = z.union([nameSchema, z.strictObject({ targets: targetsSchema, sticky: stickySchema.nullable().optional() })]);

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

/** What a name stands for, in one form; null where it is no alias. */
function aliasOf(aliases: Aliases, name: string): { targets: readonly Target[]; isSticky: boolean } | null {
  const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  if (alias === undefined) return null;
  if (typeof alias === "string") return { targets: [{ model: alias }], isSticky: false };
  return { targets: alias.targets, isSticky: alias.sticky === "owner" };
}

/** The models that a name stands for, the one with the largest part first; none where it is no alias. */
export function aliasTargets(aliases: Aliases, name: string): string[] {
  const { targets = [] } = aliasOf(aliases, name) ?? {};
  return targets.toSorted((a, b) => (b.weight ?? 1) - (a.weight ?? 1)).map(({ model }) => model);
}

/** The model that a name stands for; the name itself where it is no alias. The same for the same job, whoever asks and however often. */
export function routeOf(aliases: Aliases, name: string, { jobId, owner }: RouteTicket): string {
  const alias = aliasOf(aliases, name);
  if (alias === null) return name;
  const { targets, isSticky } = alias;
  let left = textShare(`${name} ${isSticky ? owner : jobId}`) * sum(targets);
  for (const { model, weight = 1 } of targets) {
    left -= weight;
    if (left < 0) return model;
  }
  // What rounding has left over.
  return targets.findLast(({ weight = 1 }) => weight > 0)?.model ?? name;
}
