import { appendFileSync } from "node:fs";
import { AppError } from "@llamero/core";
import { parseEnv, type ReadyDetails, runProcess, settingsFor } from "@llamero/process";

/**
 * Stands in for `llamero api|worker|dispatcher`: it writes its start and stop to FAKE_EVENTS and does nothing else.
 * FAKE_FAIL names the process whose start fails, FAKE_STUCK the one that never finishes stopping.
 */
const name = process.argv[2] ?? "";
const { env } = process;

function record(what: string): void {
  appendFileSync(env["FAKE_EVENTS"] ?? "", `${name} ${what}\n`);
}

/** The GPU it is pinned to, where it is to one. */
const gpu = env["LLAMERO_GPU"] === "cuda" ? [`${env["CUDA_VISIBLE_DEVICES"]}:${env["CUDA_DEVICE_ORDER"]}`] : [];

const ready: Readonly<Record<string, ReadyDetails>> = {
  api: {
    url: `http://${env["HOST"]}:${env["PORT"]}`,
    ...(env["LLAMERO_GRPC_PORT"] === undefined ? {} : { grpc_url: `http://${env["HOST"]}:${env["LLAMERO_GRPC_PORT"]}` }),
  },
  worker: { models: [{ name: "tiny", base: null, slots: 4, context_length: 2048 }] },
};

await runProcess({
  name,
  configure: () => parseEnv(settingsFor("dispatcher"), env),
  start: async ({ lifecycle, logger, config }) => {
    record(["start", process.pid, config.REDIS_URL, ...gpu].join(" "));
    const alive = setInterval(() => {}, 60_000);
    lifecycle.defer("timer", () => clearInterval(alive));
    lifecycle.defer("record", () => record("stop"));
    if (env["FAKE_FAIL"] === name) throw new AppError("model_file_invalid", "tiny.gguf is not a GGUF file.");
    if (env["FAKE_STUCK"] === name) lifecycle.defer("a job without end", () => new Promise(() => {}));
    logger.info({ answer: 42 }, "started");
    return ready[name] ?? {};
  },
});
