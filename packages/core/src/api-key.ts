import { z } from "zod";

/** Whose jobs, files and endpoints they are. */
export const ownerSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -");

/** What a key may do. `admin` may do everything, and `read_all` what `read` may. */
export const keyScopes = ["submit", "read", "read_all", "admin"] as const;
export const keyScopeSchema = z.enum(keyScopes).meta({
  id: "KeyScope",
  description:
    "submit: make, change and delete what is its owner's; read: see it; read_all: see every owner's (`?owner=`); admin: all of this, and manage keys.",
});
export type KeyScope = z.infer<typeof keyScopeSchema>;

/** Whether scopes contain one, also within a wider one. */
export function allows(scopes: readonly KeyScope[], wanted: KeyScope): boolean {
  return scopes.includes(wanted) || scopes.includes("admin") || (wanted === "read" && scopes.includes("read_all"));
}

/** What may be submitted with one key, over all API processes. */
export const keyLimitsSchema = z
  .strictObject({
    requests_per_minute: z.int().min(1).max(1_000_000).optional().meta({ description: "Jobs that are accepted." }),
    tokens_per_minute: z.int().min(1).max(1_000_000_000).optional().meta({
      description: "Of prompts and completions: what jobs are expected to cost, put right by what they have cost when they end.",
    }),
    max_waiting: z.int().min(1).max(100_000_000).optional().meta({ description: "Jobs that wait or are scheduled at a time." }),
    max_running: z.int().min(1).max(1_000_000).optional().meta({
      description: "Jobs that run at a time, over all models; the others wait, and hold up nobody else's.",
    }),
  })
  .meta({ id: "KeyLimits", description: "What is not named is not limited. Up to a minute's worth may come at once." });
export type KeyLimits = z.infer<typeof keyLimitsSchema>;

const time = z.iso.datetime();

/** A key as administrators see it: everything but the key. */
export const apiKeySchema = z
  .object({
    id: z.string().meta({ example: "9f86d081884c" }),
    object: z.literal("api_key"),
    owner: z.string(),
    name: z.string(),
    scopes: z.array(keyScopeSchema),
    limits: keyLimitsSchema,
    created_at: time,
    expires_at: time.nullable(),
    revoked_at: time.nullable(),
    previous_secret_valid_until: time
      .nullable()
      .meta({ description: "Until when the secret before the last rotation is good too." }),
  })
  .meta({ id: "ApiKey" });
export type ApiKey = z.infer<typeof apiKeySchema>;

export const apiKeyWithSecretSchema = apiKeySchema
  .extend({ key: z.string().meta({ description: "Shown this once; only its hash is kept." }) })
  .meta({ id: "ApiKeyWithSecret" });

const DAY_SECONDS = 86_400;
const LONGEST_SECONDS = 3_650 * DAY_SECONDS;

/** The body of `POST /v1/admin/keys`. */
export const createApiKeySchema = z
  .strictObject({
    owner: ownerSchema.meta({ description: "Whose jobs the key makes and sees." }),
    name: z.string().max(200).default("").meta({ description: "What the key is for." }),
    scopes: z.array(keyScopeSchema).min(1, "is empty").default(["submit", "read"]),
    limits: keyLimitsSchema.default({}),
    expires_in_seconds: z.int().min(1).max(LONGEST_SECONDS).optional().meta({ description: "Default: it does not expire." }),
  })
  .meta({ id: "CreateApiKey" });

/** The body of `POST /v1/admin/keys/{id}/rotate`. */
export const rotateApiKeySchema = z
  .strictObject({
    previous_valid_seconds: z
      .int()
      .min(0)
      .max(30 * DAY_SECONDS)
      .default(DAY_SECONDS)
      .meta({
        description: "Seconds for which the secret that it has is good too. Default: a day; at most 30.",
      }),
  })
  .meta({ id: "RotateApiKey" });
