import { fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Contestant, Course, JobTrace } from "./contestant.ts";
import type { FromPlainChild, ToPlainChild } from "./node-llama-cpp-protocol.ts";

/** node-llama-cpp with its defaults (but as many threads as cores), in a process of its own. */
export async function openNodeLlamaCpp(course: Course): Promise<Contestant> {
  const child = fork(fileURLToPath(new URL("./node-llama-cpp-child.ts", import.meta.url)), [], {
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const waiting = new Map<string, (trace: JobTrace) => void>();
  const ready = Promise.withResolvers<void>();
  const failed = once(child, "exit").then(([code]) => Promise.reject(new Error(`node-llama-cpp's process ended with ${code}`)));
  failed.catch(() => {});
  child.on("message", (message: FromPlainChild) => {
    if (message.type === "ready") return ready.resolve();
    waiting.get(message.id)?.(message.trace);
    waiting.delete(message.id);
  });
  const send = (message: ToPlainChild) => void child.send(message);
  send({ type: "load", course });
  await Promise.race([ready.promise, failed]);
  return {
    name: "node-llama-cpp",
    // A round of it takes as long as one of all others together; of one alone, noise could be a sixth.
    mostRounds: 3,
    layout: `${course.threads ?? availableParallelism()} threads`,
    pids: [child.pid ?? 0],
    loopPid: child.pid ?? null,
    inFlight: course.slots * 2,
    failed,
    run: (job) =>
      new Promise((resolve) => {
        waiting.set(job.id, resolve);
        send({ type: "run", job });
      }),
    counters: async () => null,
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
