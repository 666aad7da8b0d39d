import { z } from "zod";
import { AppError } from "./errors.ts";
import { textHash } from "./text-hash.ts";

/** One model as workers announce it, kept after the last of them stops: the API refuses by it. */
export const modelEntrySchema = z.object({
  v: z.literal(1),
  name: z.string(),
  /** The name made fit for a key; `queueSlug` makes it the name of the queue that its jobs wait in. */
  slug: z.string(),
  base: z
    .string()
    .nullable()
    .default(null)
    .meta({ description: "The model that this LoRA adapter varies; null for a model itself." }),
  context_length: z.int().positive().meta({ description: "Tokens a slot holds: prompt and completion together." }),
  capabilities: z.array(z.enum(["chat", "completion", "embedding", "rerank"])),
  backend: z.string().nullable().default(null).meta({
    description:
      "Host of the server that runs it; null: it runs on the workers themselves. What a server does not tell is null, too.",
  }),
  embedding_length: z.int().positive().nullable(),
  /** Longest text of any token in bytes: a prompt has at least `bytes / max_token_bytes` tokens. */
  max_token_bytes: z.int().positive().nullable(),
  parameters: z.int().nonnegative().nullable(),
  size_bytes: z.int().nonnegative().nullable(),
  architecture: z.string().nullable(),
  quantization: z.string().nullable(),
  /** SHA-256 over the file's head, size and pieces of the rest: tells two files of one name apart. */
  digest: z.string(),
  is_default: z.boolean(),
  registered_at_ms: z.int(),
});
export type ModelEntry = z.infer<typeof modelEntrySchema>;

/** @throws AppError `config_invalid` when two models of a worker have one name */
export function requireUniqueNames(names: readonly string[]): void {
  const doubled = names.find((name, index) => names.indexOf(name) !== index);
  if (doubled !== undefined)
    throw new AppError("config_invalid", `Two models are named "${doubled}". Give one of them another name: name=path.`);
}

const UNSAFE = /[^a-z0-9_-]+/g;

/** 32 bits are enough to keep two names of one slug apart within a deployment. */
const shortHash = (text: string) => textHash(text).toString(36);

/** Between the slug of a base and that of its variant; no name leaves one in its slug. lua/lib.lua knows it, too. */
const VARIANT_MARK = "~";

/** The key-safe form of a name; names that lose something by it get a hash of what they were. */
function safeName(name: string): string {
  const slug = name.toLowerCase().replace(UNSAFE, "-").slice(0, 48);
  return slug === name ? slug : `${slug}-${shortHash(name)}`;
}

/** The slug of a model, or of a variant that has a base: `<slug of the base>~<slug of the variant>`. */
export function modelSlug(name: string, base: string | null = null): string {
  return base === null ? safeName(name) : `${safeName(base)}${VARIANT_MARK}${safeName(name)}`;
}

/** The slug of the queue that a model's jobs wait in, `inference.<slug>`: variants share their base's. */
export function queueSlug(slug: string): string {
  return slug.split(VARIANT_MARK, 1)[0] ?? slug;
}
