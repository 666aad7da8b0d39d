import type { Llama, LlamaModel } from "node-llama-cpp";
import { EncoderContext } from "./encoder-context.ts";
import { EncoderPool } from "./encoder-pool.ts";

/**
 * Most inputs that one model computes at once. On the CPU a context per core, since a thread that waits for no other is the
 * quickest, up to where buffers cost more than they bring; on a GPU one computes while the other is prepared.
 */
const MOST_CONTEXTS = { cpu: 8, gpu: 2 };

interface EncodersOptions {
  contextLength: number;
  ranking: boolean;
  /** Threads that generate now. */
  busyThreads: () => number;
}

/** The contexts that compute whole inputs of one model; none is open before the first input. */
export function modelEncoders(
  llama: Llama,
  model: LlamaModel,
  { contextLength, ranking, busyThreads }: EncodersOptions,
): EncoderPool {
  const threads = llama.maxThreads;
  // One thread too many makes all of a step wait for its turn at a core.
  return new EncoderPool({
    open: (size) => EncoderContext.open(model, { size, ranking }),
    contextLength,
    contexts: llama.gpu === false ? Math.min(threads, MOST_CONTEXTS.cpu) : MOST_CONTEXTS.gpu,
    threads: () => threads - busyThreads(),
  });
}
