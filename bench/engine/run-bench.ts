import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { connectRedis } from "@llamero/store";
import { startRedis } from "@llamero/testkit";
import { benchModel } from "../models/bench-model.ts";
import { redisVersion } from "../prove/redis-stats.ts";
import { benchReport, benchTable } from "./bench-report.ts";
import { compare } from "./compare.ts";
import { type BenchSettings, parseSettings, USAGE } from "./settings.ts";

async function versionOfRedis(): Promise<string> {
  const server = await startRedis();
  try {
    const redis = await connectRedis(server.url, "commands");
    const version = await redisVersion(redis);
    redis.disconnect();
    return version;
  } finally {
    await server.close();
  }
}

async function versionOfServer(binary: string | null): Promise<string | null> {
  if (binary === null) return null;
  const { stdout, stderr } = await promisify(execFile)(binary, ["--version"]);
  return (stdout + stderr).trim().split("\n")[0] ?? "unknown";
}

/** Benchmarks the engine as the arguments say, writes the report and prints it. Gives the exit code. */
export async function runEngineBench(args: readonly string[], log: (line: string) => void): Promise<number> {
  let settings: BenchSettings;
  try {
    settings = parseSettings(args);
  } catch (error) {
    log(`${error instanceof Error ? error.message : error}\n${USAGE}`);
    return 2;
  }
  const path = await benchModel(settings.model);
  const [redis, server] = await Promise.all([versionOfRedis(), versionOfServer(settings.llamaServer)]);
  const comparison = await compare(settings, path, log);
  const report = await benchReport(settings, path, comparison, { redis, server });
  const folder = settings.out ?? join(import.meta.dirname, "..", "results");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${report.name}${report.quick ? ".quick" : ""}.json`);
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  for (const line of [...benchTable(report), file]) log(line);
  return comparison.failures.length === 0 ? 0 : 1;
}
