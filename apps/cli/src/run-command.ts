import { AppError } from "@llamero/core";
import type { Env } from "@llamero/process";
import { type DevConfig, parseDevEnv } from "./dev-config.ts";

export type CliConfig = Pick<DevConfig, "REDIS_URL" | "DATA_DIR" | "LLAMERO_PREFIX">;

export interface CommandOptions {
  readonly env: Env;
  readonly out: { write(text: string): unknown };
  readonly err: { write(text: string): unknown };
}

/** Runs a command that does one thing and ends: an error that the user can mend is its message and exit code 1. */
export async function runCommand({ env, err }: CommandOptions, command: (config: CliConfig) => Promise<void>): Promise<void> {
  try {
    await command(parseDevEnv(env));
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === "internal") throw error;
    err.write(`llamero: ${error.message}\n`);
    process.exitCode = 1;
  }
}
