import { join } from "node:path";
import { dev } from "../src/dev.ts";

/** `llamero dev` with stand-ins for its children, and without their long pauses between restarts. */
await dev({
  env: process.env,
  entry: join(import.meta.dirname, "fake-entry.ts"),
  out: process.stdout,
  backoff: { firstMs: 20, maxMs: 200, healthyMs: 60_000 },
});
