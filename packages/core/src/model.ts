import { z } from "zod";

/** One model as workers announce it, kept after the last of them stops: the API refuses by it. */
export const modelEntrySchema = z.object({
  v: z.literal(1),
  name: z.string(),
  /** The name made fit for a queue name: `inference.<slug>`. */
  slug: z.string(),
  context_length: z.int().positive().meta({ description: "Tokens a slot holds: prompt and completion together." }),
  capabilities: z.array(z.enum(["chat", "completion", "embedding", "rerank"])),
  embedding_length: z.int().positive(),
  /** Longest text of any token in bytes: a prompt has at least `bytes / max_token_bytes` tokens. */
  max_token_bytes: z.int().positive(),
  parameters: z.int().nonnegative(),
  size_bytes: z.int().nonnegative(),
  architecture: z.string(),
  quantization: z.string().nullable(),
  /** SHA-256 over the file's head and size: tells two files of one name apart. */
  digest: z.string(),
  is_default: z.boolean(),
  registered_at_ms: z.int(),
});
export type ModelEntry = z.infer<typeof modelEntrySchema>;

const UNSAFE = /[^a-z0-9_-]+/g;

/** FNV-1a, 32 bits: enough to keep two names of one slug apart within a deployment. */
function shortHash(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(36);
}

/** The queue-safe form of a model's name; names that lose something by it get a hash of what they were. */
export function modelSlug(name: string): string {
  const slug = name.toLowerCase().replace(UNSAFE, "-").slice(0, 48);
  return slug === name ? slug : `${slug}-${shortHash(name)}`;
}
