import { flushCompileCache } from "node:module";
import { isToChild } from "../protocol.ts";
import { Engine } from "./engine.ts";

const engine = new Engine((message) => {
  // No parent, no work: `disconnect` below ends the process.
  if (process.connected) process.send?.(message);
});

process.on("message", (message) => {
  if (!isToChild(message)) return;
  void engine.receive(message).then(() => {
    if (message.type === "close") process.exit(0);
  });
});

// A dead parent's tasks have nobody to take them. Not `process.exit`: it waits for native threads that decode.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));

// Ctrl-C and service managers signal the whole group; the parent decides when the child ends, so that running jobs can drain.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

// Whoever kills the parent kills this with it: what Node made of the code is kept before that, where it is kept at all.
setTimeout(() => flushCompileCache(), 2_000).unref();
