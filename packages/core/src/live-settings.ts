import { z } from "zod";
import { aliasesPatchSchema, aliasesSchema } from "./aliases.ts";
import { keyLimitsSchema, ownerSchema } from "./api-key.ts";
import { ownRecord } from "./own-record.ts";
import { reuseSettingsShape } from "./reuse.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Far enough apart for any share, near enough that virtual time stays exact to the token. */
const weightSchema = z.number().min(0.01).max(1_000);
const MOST_WEIGHTS = 1_000;

const breakerSeconds = z.number().min(0.1).max(86_400);
const ageSchema = z.int().min(1).max(604_800);
const fields = {
  log_level: z.enum(logLevels).meta({ description: "Least severe level that is logged. Else `LOG_LEVEL` of each process." }),
  max_waiting: z.int().min(1).max(100_000_000).meta({
    description: "Jobs that may wait for one model. Else `LLAMERO_MAX_WAITING` of each API process.",
  }),
  max_waiting_tokens: z.int().min(1).max(1_000_000_000_000).meta({
    description: "Tokens that what waits for one model may be expected to cost. Else there is no such limit.",
  }),
  retention_hours: z.number().min(0.001).max(87_600).meta({
    description: "How long jobs are kept after they have ended. Else `LLAMERO_RETENTION_HOURS` of each dispatcher.",
  }),
  key_limits: keyLimitsSchema.meta({ description: "What holds for stored keys that have no limit of the kind." }),
  weights: ownRecord(
    z
      .record(ownerSchema, weightSchema)
      .refine((weights) => Object.keys(weights).length <= MOST_WEIGHTS, "has more than 1000 owners"),
  ).meta({ description: "Owner → part of the slots that it gets, as against 1 of the others." }),
  ageing: z
    .strictObject({
      normal_seconds: ageSchema.optional().meta({ description: "Default: 60." }),
      low_seconds: ageSchema.optional().meta({ description: "Default: 300." }),
    })
    .meta({ description: "From how long a wait on a class gets one slot in eight although higher ones wait." }),
  breaker: z
    .strictObject({
      failures: z.int().min(1).max(10_000).optional().meta({ description: "Within ten seconds, at least. Default: 5." }),
      share: z.number().gt(0).max(1).optional().meta({ description: "Of all that ended in that time, at least. Default: 0.5." }),
      open_seconds: breakerSeconds.optional().meta({
        description: "Until a job may try again; doubled each time that it fails. Default: 5.",
      }),
      most_open_seconds: breakerSeconds.optional().meta({ description: "What doubling ends at. Default: 120." }),
    })
    .meta({ description: "When a model that fails is given no more jobs, and until when." }),
  aliases: aliasesSchema.meta({
    description:
      "Name → model that runs what asks for it, or several with weights. One that is called like a model stands before it.",
  }),
  reuse: z.strictObject(reuseSettingsShape).partial().meta({
    description: "When answers are given again instead of being computed, and how long and how many of them are kept.",
  }),
};

/** What can be changed while everything runs. What is absent is as the environment or the default says. */
export const liveSettingsSchema = z.strictObject(fields).partial().meta({ id: "Settings" });
export type LiveSettings = z.infer<typeof liveSettingsSchema>;

const removable = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().optional();
const limits = keyLimitsSchema.shape;

/** A change of settings as a JSON merge patch (RFC 7396): null takes something back, and what is not named stays. */
export const settingsPatchSchema = z
  .strictObject({
    log_level: removable(fields.log_level),
    max_waiting: removable(fields.max_waiting),
    max_waiting_tokens: removable(fields.max_waiting_tokens),
    retention_hours: removable(fields.retention_hours),
    key_limits: removable(
      z.strictObject({
        requests_per_minute: limits.requests_per_minute.nullable(),
        tokens_per_minute: limits.tokens_per_minute.nullable(),
        max_waiting: limits.max_waiting.nullable(),
        max_running: limits.max_running.nullable(),
      }),
    ),
    weights: removable(ownRecord(z.record(ownerSchema, weightSchema.nullable()))),
    ageing: removable(
      z.strictObject({ normal_seconds: ageSchema.nullable().optional(), low_seconds: ageSchema.nullable().optional() }),
    ),
    breaker: removable(
      z.strictObject({
        failures: z.int().min(1).max(10_000).nullable().optional(),
        share: z.number().gt(0).max(1).nullable().optional(),
        open_seconds: breakerSeconds.nullable().optional(),
        most_open_seconds: breakerSeconds.nullable().optional(),
      }),
    ),
    aliases: removable(aliasesPatchSchema),
    reuse: removable(
      z.strictObject({
        mode: removable(reuseSettingsShape.mode),
        ttl_seconds: removable(reuseSettingsShape.ttl_seconds),
        max_bytes: removable(reuseSettingsShape.max_bytes),
      }),
    ),
  })
  .meta({ id: "SettingsPatch", description: "A JSON merge patch: null takes a setting back, and what is not named stays." });
export type SettingsPatch = z.infer<typeof settingsPatchSchema>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** RFC 7396, section 2, without objects that it leaves empty. */
function mergePatch(target: unknown, patch: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    const next = isObject(value) ? mergePatch(merged[name], value) : value;
    if (next === null || next === undefined || (isObject(next) && Object.keys(next).length === 0)) delete merged[name];
    else merged[name] = next;
  }
  return merged;
}

/** @throws ZodError when together they are too many */
export function patchSettings(settings: LiveSettings, patch: SettingsPatch): LiveSettings {
  return liveSettingsSchema.parse(mergePatch(settings, patch));
}

/** One version of the settings, and who made it. */
export const settingsVersionSchema = z
  .object({
    object: z.literal("settings"),
    version: z.int().nonnegative().meta({ description: "0: nothing has been set yet." }),
    settings: liveSettingsSchema,
    changed_at: z.iso.datetime().nullable(),
    changed_by: z.string().nullable().meta({ description: "Id of a key, name of an owner, or `cli`." }),
    rollback_of: z.int().nonnegative().nullable().meta({ description: "The version whose settings it brought back." }),
  })
  .meta({ id: "SettingsVersion" });
export type SettingsVersion = z.infer<typeof settingsVersionSchema>;

/** The body of `POST /v1/admin/settings`. */
export const changeSettingsSchema = z
  .strictObject({
    settings: settingsPatchSchema,
    if_version: z.int().nonnegative().optional().meta({
      description: "Changes nothing, and answers 409, unless this is the version that holds.",
    }),
  })
  .meta({ id: "ChangeSettings" });

/** The body of `POST /v1/admin/settings/rollback`. */
export const rollbackSettingsSchema = z
  .strictObject({ version: z.int().min(0).meta({ description: "One of the last hundred, or 0 for no settings at all." }) })
  .meta({ id: "RollbackSettings" });

/** What an administrator has done. */
export const auditEntrySchema = z
  .object({
    object: z.literal("audit_entry"),
    id: z.string(),
    at: z.iso.datetime(),
    by: z.string(),
    action: z.string().meta({ example: "key.create" }),
    target: z.string().meta({ description: "Id of the key, version of the settings, or number of answers that were forgotten." }),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof auditEntrySchema>;
