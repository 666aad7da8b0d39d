import { type ChildProcess, fork } from "node:child_process";
import { AppError, isErrorCode } from "@llamero/core";
import { type Env, type ProcessName, processMessageSchema, type ReadyDetails } from "@llamero/process";
import type { ChildSpec } from "./supervisor.ts";

export interface ForkOptions {
  readonly name: ProcessName;
  /** What it is called in messages. Default: its name. */
  readonly label?: string;
  /** The script that runs the process whose name is its first argument. */
  readonly entry: string;
  readonly env: Env;
}

/** One of Llamero's processes as a child of this one, which tells over IPC that it is ready. */
export function forkedProcess({ name, label = name, entry, env }: ForkOptions): ChildSpec<ReadyDetails> {
  return {
    name: label,
    // A group of its own: an interrupt from the terminal reaches this process alone, which then stops them in order.
    spawn: () => fork(entry, [name], { env: { ...env }, execArgv: [], detached: true, stdio: ["ignore", "pipe", "pipe", "ipc"] }),
    untilReady,
  };
}

function untilReady(child: ChildProcess): Promise<ReadyDetails> {
  return new Promise((resolve, reject) => {
    child.on("message", (received) => {
      const parsed = processMessageSchema.safeParse(received);
      if (!parsed.success) return;
      const message = parsed.data;
      if (message.type === "ready") resolve(message);
      else {
        const code = isErrorCode(message.code) ? message.code : "internal_error";
        reject(new AppError(code, `The ${message.name} could not start. ${message.message}`));
      }
    });
  });
}
