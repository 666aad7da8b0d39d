import { join } from "node:path";
import { gpuWorkers } from "../src/gpu-workers.ts";

/** `llamero worker --gpus` with stand-ins for its workers, and without their long pauses between restarts. */
await gpuWorkers({
  env: process.env,
  entry: join(import.meta.dirname, "fake-entry.ts"),
  out: process.stdout,
  backoff: { firstMs: 20, maxMs: 200, healthyMs: 60_000 },
});
