import { percentile } from "../engine/statistics.ts";
import { recordedLoad } from "../scaling/recorded-load.ts";
import { simulate } from "../scaling/simulate.ts";
import type { Findings } from "./report.ts";
import { draw } from "./scaling-drawing.ts";

const SIMULATED = {
  slots: 16,
  tokenMs: 16,
  startSeconds: 60,
  downAfterSeconds: 300,
  lookEverySeconds: 5,
  targetSeconds: 60,
  min: 0,
  max: 100,
};

/** The recorded hour, with workers that take a minute to start. */
export async function simulateHour(seed: number, isQuick: boolean): Promise<Pick<Findings, "figures" | "claims">> {
  const { seconds, waits, workerSeconds } = simulate(await recordedLoad(seed), SIMULATED);
  const most = Math.max(...seconds.map(({ workers }) => workers));
  const late = SIMULATED.targetSeconds + SIMULATED.startSeconds;
  if (!isQuick) {
    await draw("scaling-simulated.svg", {
      title: "A recorded hour, simulated: workers of 1,000 tokens/s that take a minute to start",
      samples: seconds.filter((_, second) => second % 10 === 0),
      stepSeconds: 10,
    });
  }
  return {
    figures: {
      simulated_jobs: waits.length,
      simulated_wait_p95_s: percentile(waits, 0.95),
      simulated_wait_p99_s: percentile(waits, 0.99),
      simulated_most_workers: most,
      simulated_share_of_a_fixed_fleet: workerSeconds / (most * seconds.length),
    },
    claims: [
      {
        text: `simulated: seconds that a job waits, p95, at most the target: ${SIMULATED.targetSeconds}`,
        value: percentile(waits, 0.95),
        passed: percentile(waits, 0.95) <= SIMULATED.targetSeconds,
      },
      {
        text: `simulated: the longest wait, at most the target and the start of a worker: ${late}`,
        value: Math.max(...waits),
        passed: Math.max(...waits) <= late,
      },
    ],
  };
}
