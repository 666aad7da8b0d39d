import { AppError, type GenerateOutcome, type GenerateTask, type TokenChunk } from "@llamero/core";
import type OpenAI from "openai";
import { Answer, chatPiece, completionPiece, type Piece } from "./answer.ts";
import type { RemoteSource } from "./remote-source.ts";
import type { RemoteTask } from "./remote-task.ts";
import { chatBody, completionBody } from "./request-body.ts";

export interface Generating {
  client: OpenAI;
  source: RemoteSource;
  task: GenerateTask;
  running: RemoteTask;
  onChunk: (chunk: TokenChunk) => void;
}

async function* piecesOf({ client, source, task, running }: Generating): AsyncGenerator<Piece> {
  const { request } = task;
  const { signal } = running;
  if (request.type === "chat") {
    for await (const chunk of await client.chat.completions.create(chatBody(request, source), { signal })) yield chatPiece(chunk);
    return;
  }
  for await (const chunk of await client.completions.create(completionBody(request, source), { signal }))
    yield completionPiece(chunk);
}

/**
 * Sends a task's request, and gives its answer as it comes. A stopped one ends with what it has. What an earlier attempt has emitted is not
 * sent, since texts that are cut anywhere are other tokens: it is expected again, and given out from where it ends.
 * @throws AppError `backend_failed` when the answer ends before its end, `backend_diverged`, `backend_refused`; what the client throws
 */
export async function generate(generating: Generating): Promise<GenerateOutcome> {
  const { source, task, running, onChunk } = generating;
  running.start();
  const before = task.emitted?.text ?? "";
  const answer = new Answer(before, onChunk);
  try {
    if (!running.signal.aborted)
      for await (const piece of piecesOf(generating)) {
        running.come();
        answer.add(piece);
      }
  } catch (error) {
    if (running.stopReason === null) throw error;
  }
  if (running.isClosed) throw new AppError("engine_failed", "The connection was closed.");
  const { text, toolCalls, usage, ...ended } = running.stopReason === null ? answer.end() : answer.soFar();
  const finishReason = running.stopReason ?? ended.finishReason;
  if (finishReason === null) throw new AppError("backend_failed", `The server of ${source.name} broke off its answer.`);
  return {
    // Stopped before it has come to where it was.
    text: text.length < before.length ? before : text,
    tail: "",
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
    finishReason,
    usage,
    timings: running.timings(),
  };
}
