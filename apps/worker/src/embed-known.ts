import { AppError, type EmbedOutcome, type Usage } from "@llamero/core";
import type { Logger } from "@llamero/process";
import type { Claim, KnownVector, Store } from "@llamero/store";

export interface EmbedKnownOptions {
  store: { reuse: Pick<Store["reuse"], "findVectors" | "keepVectors"> };
  claim: Pick<Claim, "jobId" | "slug" | "owner" | "reuseKey">;
  /** Of the model that embeds; null where nobody knows. */
  mark: string | null;
  /** Embeds texts by the model. */
  compute: (texts: string[]) => Promise<EmbedOutcome>;
  logger: Logger;
}

export type Embedded = Omit<EmbedOutcome, "inputTokens">;

const NO_TIME = { wait_ms: 0, prefill_ms: 0, generate_ms: null };

/** An error about one of some texts, in terms of all. */
function aboutAll(error: unknown, all: readonly string[], some: readonly string[]): unknown {
  if (!(error instanceof AppError) || error.param === null) return error;
  const [, index] = /^input\.(\d+)$/.exec(error.param) ?? [];
  if (index === undefined) return error;
  const param = `input.${all.indexOf(some[Number(index)] ?? "")}`;
  return new AppError(error.code, error.message.replaceAll(error.param, param), { param, cause: error });
}

/** What the texts of a job cost, of which `computed` were: where one stands again, it was not computed again. */
function usageOf(
  input: readonly string[],
  computed: ReadonlySet<string>,
  { vectors, tokens }: { vectors: ReadonlyMap<string, KnownVector>; tokens: number },
): Usage {
  const seen = new Set<string>();
  let cached_tokens = 0;
  for (const text of input) {
    if (seen.has(text) || !computed.has(text)) cached_tokens += vectors.get(text)?.tokens ?? 0;
    seen.add(text);
  }
  const prompt_tokens = tokens + cached_tokens;
  return { prompt_tokens, cached_tokens, completion_tokens: 0, total_tokens: prompt_tokens };
}

/**
 * Embeds the texts of a job, each once; those whose vectors are kept from earlier jobs are not computed, and the others' vectors are kept
 * for later ones. Where Redis does not give or take them, all is as without.
 * @throws AppError as `compute`
 */
export async function embedKnown(input: string[], options: EmbedKnownOptions): Promise<Embedded> {
  const { store, claim, mark, compute, logger } = options;
  if (mark === null || claim.reuseKey?.startsWith(`${mark}.`) !== true) return withoutTokens(await compute(input));
  const of = { slug: claim.slug, mark, owner: claim.owner };
  const warn = (what: string) => (error: unknown) => {
    if (!(error instanceof AppError)) throw error;
    logger.warn({ err: error, job_id: claim.jobId }, `vectors are not ${what}; the job goes on without`);
  };
  const texts = [...new Set(input)];
  const none: ReadonlyMap<string, KnownVector> = new Map();
  const kept = (await store.reuse.findVectors(of, texts).catch(warn("given"))) ?? none;
  const missing = texts.filter((text) => !kept.has(text));
  const outcome =
    missing.length === 0
      ? null
      : await compute(missing).catch((error: unknown) => {
          throw aboutAll(error, input, missing);
        });
  const made = new Map(
    missing.map((text, index) => {
      const vector = outcome?.embeddings[index] ?? [];
      return [text, { vector, tokens: outcome?.inputTokens?.[index] ?? 0 }];
    }),
  );
  if (outcome?.inputTokens !== undefined) await store.reuse.keepVectors(of, made).catch(warn("taken"));
  const vectors = new Map([...kept, ...made]);
  return {
    embeddings: input.map((text) => vectors.get(text)?.vector ?? []),
    usage: usageOf(input, new Set(missing), { vectors, tokens: outcome?.usage.prompt_tokens ?? 0 }),
    timings: outcome?.timings ?? NO_TIME,
  };
}

function withoutTokens({ inputTokens: _, ...embedded }: EmbedOutcome): Embedded {
  return embedded;
}
