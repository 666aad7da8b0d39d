import { openSync, writeSync } from "node:fs";
import { ChunkOutbox } from "../../packages/engine/src/child/chunk-outbox.ts";

/** Where engines write the tokens they decode, a line each; a process that is killed has written all. */
export const DECODED_LOG = "LLAMERO_PROOF_DECODED_LOG";

/** To be imported before anything else by the processes of a worker: its engines then log every token under their task's id. */
const path = process.env[DECODED_LOG];
if (path !== undefined && process.argv[1]?.endsWith("/child/main.ts")) {
  const file = openSync(path, "a");
  const { add } = ChunkOutbox.prototype;
  ChunkOutbox.prototype.add = function (taskId, chunk, withinMs) {
    for (const _ of chunk.tokens) writeSync(file, `${taskId}\n`);
    add.call(this, taskId, chunk, withinMs);
  };
}
