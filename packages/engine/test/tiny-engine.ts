import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import type { GenerateOutcome, GenerateRequest, TokenChunk } from "@llamero/core";
import { type EngineOptions, type EngineRuntime, startEngine } from "../src/index.ts";

type Params = Omit<GenerateRequest["params"], "seed"> & { seed?: number };

export const tinyPath = fileURLToPath(new URL("../../../models/tiny/tiny.gguf", import.meta.url));
export const story = "Write a short story about a llama.";

/** The bundled model, in a layout that is given, so that no test waits for a measurement. */
export function startTiny(options: Partial<EngineOptions> = {}): Promise<EngineRuntime> {
  const layout = { contexts: 1, threads: 1, slots: 4 };
  return startEngine({ models: [{ kind: "file", name: "tiny", path: tinyPath }], gpu: "false", ...layout, ...options });
}

export function chat(prompt: string, params: Params = {}): GenerateRequest {
  return { v: 1, type: "chat", messages: [{ role: "user", content: prompt }], params: { seed: 1, ...params } };
}

export function completion(prompt: string, params: Params = {}): GenerateRequest {
  return { v: 1, type: "completion", prompt, params: { seed: 1, ...params } };
}

let tasks = 0;

/** A task under way, with its chunks as they come. @param emitted what an earlier attempt had emitted */
export function begin(engine: EngineRuntime, request: GenerateRequest, emitted?: TokenChunk) {
  const id = `task-${++tasks}`;
  const chunks: TokenChunk[] = [];
  const arrived = new EventEmitter();
  const task = { id, model: "tiny", request, ...(emitted === undefined ? {} : { emitted }) };
  const outcome = engine.generate(task, (chunk) => {
    chunks.push(chunk);
    arrived.emit("chunk", chunk);
  });
  const firstChunk = once(arrived, "chunk");
  /** Resolves when so many more tokens have come. */
  const tokensMore = async (count: number) => {
    for (let left = count; left > 0; ) {
      const [chunk] = (await once(arrived, "chunk")) as [TokenChunk];
      left -= chunk.tokens.length;
    }
  };
  return { id, chunks, firstChunk, tokensMore, outcome };
}

/** Several chunks as one. */
export function joined(chunks: readonly TokenChunk[]): TokenChunk {
  return { tokens: chunks.flatMap(({ tokens }) => tokens), text: chunks.map(({ text }) => text).join("") };
}

export function generate(engine: EngineRuntime, request: GenerateRequest): Promise<GenerateOutcome> {
  return begin(engine, request).outcome;
}
