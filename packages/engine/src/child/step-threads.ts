import type { LlamaContext } from "node-llama-cpp";

/** What is used of a context's inside; version 3.22.1 is pinned, and what is missing is noticed. */
interface ContextInside {
  _ctx: { setThreads(threads: number): void };
}

/**
 * Lets every step of a context choose its own number of threads. The library sets one number for all steps, right before each;
 * decoding a token per slot and computing a prompt want different ones (100M parameters, two cores: 1 for decoding, where the
 * start of threads costs more than they bring, 2 for prompts, which are 1.9 times as fast then).
 * @param threadsOfStep asked right before each step
 * @returns false when this context keeps one number
 */
export function chooseThreadsPerStep(context: LlamaContext, threadsOfStep: () => number): boolean {
  const native = (context as unknown as Partial<ContextInside>)._ctx;
  if (typeof native?.setThreads !== "function") return false;
  const setThreads = native.setThreads.bind(native);
  // The method is a read-only property of the prototype, which an assignment would hit.
  Object.defineProperty(native, "setThreads", { value: () => setThreads(threadsOfStep()) });
  return true;
}
