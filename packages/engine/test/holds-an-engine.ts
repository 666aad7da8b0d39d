/** A parent to be killed: starts an engine, has it generate, and prints the child's process id. */
import { begin, chat, startTiny, story } from "./tiny-engine.ts";

const engine = await startTiny();
const task = begin(engine, chat(story, { ignore_eos: true }));
await task.firstChunk;
process.stdout.write(`${engine.pid}\n`);
await task.outcome;
