import { metadataSchema, type Priority, reuseSchema, type SubmitBody, sessionIdSchema, textHash } from "@llamero/core";
import { z } from "zod";

/** What a value may be where the parameter is not supported: one that changes nothing, or null. */
export const onlyOff = <const Off extends string | number | boolean>(...off: Off[]) =>
  z
    .literal(off, { error: "is not supported; leave it out" })
    .nullish()
    .meta({ description: `Not supported, but as ${[...off, null].join(" or ")}.` });
/** Not supported at all. */
export const unsupported = () =>
  z.null({ error: "is not supported; leave it out" }).optional().meta({ description: "Not supported." });

const tiers = ["auto", "default", "flex", "priority", "scale"] as const;

/** Parameters that clients send by habit, whatever the call. */
export const habits = {
  user: z.string().max(512).nullish().meta({ description: "Taken and without effect." }),
  safety_identifier: z.string().max(512).nullish().meta({ description: "Taken and without effect." }),
  prompt_cache_key: z.string().max(512).nullish().meta({
    description: "The session of the call, where the header `x-llamero-session` names none; without effect on embeddings.",
  }),
  prompt_cache_retention: z.string().max(64).nullish().meta({ description: "Taken and without effect." }),
  store: z.boolean().nullish().meta({ description: "Taken and without effect: every call is a job, kept as long as jobs are." }),
  metadata: metadataSchema.nullish(),
  reuse: reuseSchema.nullish(),
  service_tier: z
    .enum(tiers)
    .nullish()
    .meta({ description: "`priority`: a job of class high; `flex`: of class low; else normal." }),
};

/** The model that a call names. */
export const modelName = z.string().min(1).max(256).nullish().meta({ description: "Default: the deployment's first model." });

const priorities: Partial<Record<(typeof tiers)[number], Priority>> = { priority: "high", flex: "low" };

/** What every job of a call has of it. */
export function commonOf({
  model,
  metadata,
  reuse,
  service_tier,
}: Common): Pick<SubmitBody, "model" | "metadata" | "priority" | "reuse"> {
  return {
    priority: (service_tier && priorities[service_tier]) ?? "normal",
    ...(model ? { model } : {}),
    ...(metadata ? { metadata } : {}),
    ...(typeof reuse === "boolean" ? { reuse } : {}),
  };
}

/** The session that a call's jobs are turns of. A key that is too long for one is known by its hash. */
export function sessionOf({ prompt_cache_key: key }: Pick<Common, "prompt_cache_key">): Pick<SubmitBody, "session_id"> {
  if (!key) return {};
  return { session_id: sessionIdSchema.safeParse(key).success ? key : `cache_key_${textHash(key)}` };
}

interface Common {
  model?: z.infer<typeof modelName>;
  metadata?: z.infer<typeof habits.metadata>;
  reuse?: z.infer<typeof habits.reuse>;
  prompt_cache_key?: z.infer<typeof habits.prompt_cache_key>;
  service_tier?: z.infer<typeof habits.service_tier>;
}
