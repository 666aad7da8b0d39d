/**
 * node-llama-cpp as its documentation shows it: one context, as many sequences as slots, a loop of `evaluate` on each; of its
 * defaults only the number of threads is another.
 * A process of its own, so that its CPU time and memory are its own.
 */
import { availableParallelism } from "node:os";
import { getLlama, type LlamaContextSequence, type LlamaModel, type Token } from "node-llama-cpp";
import { type BenchJob, type Course, type JobTrace, nowMs } from "./contestant.ts";
import type { FromPlainChild, ToPlainChild } from "./node-llama-cpp-protocol.ts";

const queue: BenchJob[] = [];
const idle: ((job: BenchJob) => void)[] = [];

function send(message: FromPlainChild): void {
  process.send?.(message);
}

function nextJob(): Promise<BenchJob> {
  const job = queue.shift();
  return job === undefined ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve(job);
}

function promptTokens(model: LlamaModel, prompt: string): Token[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  return [...(shouldPrependBosToken && bos !== null ? [bos] : []), ...model.tokenize(prompt)];
}

async function generate(model: LlamaModel, sequence: LlamaContextSequence, job: BenchJob): Promise<JobTrace> {
  const startedAtMs = nowMs();
  await sequence.clearHistory();
  const prompt = promptTokens(model, job.prompt);
  const generated: Token[] = [];
  let firstTokenAtMs = 0;
  for await (const token of sequence.evaluate(prompt, { yieldEogToken: true })) {
    if (generated.length === 0) firstTokenAtMs = nowMs();
    generated.push(token);
    if (generated.length >= job.maxTokens) break;
  }
  model.detokenize(generated);
  return {
    promptTokens: prompt.length,
    completionTokens: generated.length,
    startedAtMs,
    firstTokenAtMs,
    endedAtMs: nowMs(),
  };
}

async function load({ path, slots, contextSize, threads, gpu }: Course): Promise<void> {
  const llama = await getLlama({ gpu: gpu === "false" ? false : gpu, build: "never" });
  const model = await llama.loadModel({ modelPath: path });
  // Its own choice is 4 threads or more, on fewer cores too, where they wait for each other: that would be no baseline.
  const context = await model.createContext({ sequences: slots, contextSize, threads: threads ?? availableParallelism() });
  const serve = async (sequence: LlamaContextSequence) => {
    for (;;) {
      const job = await nextJob();
      send({ type: "done", id: job.id, trace: await generate(model, sequence, job) });
    }
  };
  for (let slot = 0; slot < slots; slot++) void serve(context.getSequence());
  send({ type: "ready" });
}

process.on("message", (message: ToPlainChild) => {
  if (message.type === "load") return void load(message.course);
  const take = idle.shift();
  if (take === undefined) queue.push(message.job);
  else take(message.job);
});
process.on("disconnect", () => process.exit());
process.on("unhandledRejection", (error) => {
  console.error(error);
  process.exit(1);
});
