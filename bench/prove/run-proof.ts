import { join } from "node:path";
import { parseArgs } from "node:util";
import { proveBatch, proveBatchMillion } from "../batch/batch.ts";
import { proveChaos } from "../chaos/chaos.ts";
import { proveCancel } from "../engine/cancel.ts";
import { proveCancelJobs } from "../engine/cancel-jobs.ts";
import { provePrefix } from "../engine/prefix.ts";
import { proveReproducibility } from "../engine/reproducibility.ts";
import { proveSoak } from "../engine/soak.ts";
import { proveThroughput } from "../engine/throughput.ts";
import { proveBadRequests } from "./bad-requests.ts";
import { proveDoor } from "./door.ts";
import { proveFairShare } from "./fair-share.ts";
import { proveFeed } from "./feed.ts";
import { proveLongPoll } from "./long-poll.ts";
import { proveOverload } from "./overload.ts";
import { provePrefixFeeding } from "./prefix-feeding.ts";
import { provePriority } from "./priority.ts";
import { makeReport, type Proof, table, writeReport } from "./report.ts";
import { proveResume } from "./resume.ts";
import { proveReuse } from "./reuse.ts";
import { proveRolling } from "./rolling.ts";
import { proveRouting } from "./routing.ts";
import { proveScaling } from "./scaling.ts";
import { proveSession } from "./session.ts";
import { proveSseClients } from "./sse-clients.ts";
import { proveWebhooks } from "./webhooks.ts";

/** Name → proof. */
const proofs: Record<string, Proof> = {
  door: proveDoor,
  feed: proveFeed,
  "fair-share": proveFairShare,
  priority: provePriority,
  session: proveSession,
  "prefix-feeding": provePrefixFeeding,
  "long-poll": proveLongPoll,
  "sse-clients": proveSseClients,
  webhooks: proveWebhooks,
  "bad-requests": proveBadRequests,
  overload: proveOverload,
  resume: proveResume,
  routing: proveRouting,
  reuse: proveReuse,
  scaling: proveScaling,
  rolling: proveRolling,
  chaos: proveChaos,
  batch: proveBatch,
  "batch-million": proveBatchMillion,
  "engine-throughput": proveThroughput,
  "engine-prefix": provePrefix,
  "engine-cancel": proveCancel,
  "engine-soak": proveSoak,
  "cancel-jobs": proveCancelJobs,
  "engine-reproducibility": proveReproducibility,
};

const USAGE = `Usage: npm run prove -- NAME [--quick] [--seed N] [--out FOLDER] [--llama-server PATH]
NAME is one of: ${Object.keys(proofs).join(", ")}
--llama-server: a binary of llama.cpp's server, for engine-throughput to compare with`;

/** Runs the proof that the arguments name, writes its report and prints it. Gives the exit code: 0 when every claim holds. */
export async function runProof(args: readonly string[], log: (line: string) => void): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      out: { type: "string" },
      "llama-server": { type: "string" },
    },
  });
  const name = positionals[0] ?? "";
  const proof = Object.hasOwn(proofs, name) ? proofs[name] : undefined;
  const seed = Number(values.seed);
  if (proof === undefined || positionals.length !== 1 || !Number.isSafeInteger(seed)) {
    log(USAGE);
    return 2;
  }
  const options = { isQuick: values.quick, seed, log, llamaServer: values["llama-server"] ?? null };
  const report = await makeReport(name, options, proof(options));
  const path = await writeReport(report, values.out ?? join(import.meta.dirname, "..", "results"));
  for (const line of [...table(report), path]) log(line);
  return report.claims.every((claim) => claim.passed) ? 0 : 1;
}
