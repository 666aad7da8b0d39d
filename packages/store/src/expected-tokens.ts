import { type JobRequest, requestTexts } from "@llamero/core";

/** Of English in common vocabularies. What a job has cost replaces what it was expected to, once it has ended. */
const BYTES_PER_TOKEN = 4;

export interface ExpectedTokens {
  prompt: number;
  /** Most that it may make; null: as many as the context holds. */
  mostOutput: number | null;
}

/** What a job may cost, before anything has counted its tokens: for shares and waiting times, not for limits. */
export function expectedTokens(request: JobRequest): ExpectedTokens {
  const bytes = requestTexts(request).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  const prompt = Math.ceil(bytes / BYTES_PER_TOKEN);
  return { prompt, mostOutput: "params" in request ? (request.params.max_tokens ?? null) : 0 };
}
