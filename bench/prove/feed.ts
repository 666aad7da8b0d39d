import { commandStats, perJob, redisVersion, settled } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { type Door, inParallel, MODEL, openStoreDoor } from "./store-door.ts";

interface Sizes {
  waiting: number;
  owners: readonly number[];
  rounds: number;
}

const FULL: Sizes = { waiting: 1_000_000, owners: [1, 100, 10_000], rounds: 40 };
const QUICK: Sizes = { waiting: 5_000, owners: [1, 100], rounds: 2 };
/** The baseline: one owner with so few jobs that nothing about them is large. */
const FEW = 25_000;
/** A beat with so many slots more moves twice as many jobs into the window, the most that one call feeds. */
const MORE_SLOTS = 250;
const FED_PER_ROUND = 500;
const FILL_IN_FLIGHT = 512;
/** Sets of a million entries are deeper than sets of a thousand, and no longer fit a processor's caches. */
const MOST_TIMES = 2;

/** What it costs to choose the next job does not grow with the jobs that wait, and hardly with the owners. */
export async function proveFeed({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const { waiting, owners, rounds } = isQuick ? QUICK : FULL;
  const figures: Findings["figures"] = { rounds, fed_per_round: FED_PER_ROUND, waiting };
  const few = await measure(seed, { waiting: Math.min(FEW, waiting), owners: 1, rounds }, log);
  figures[`us_per_fed_job_few_waiting`] = few.microseconds;
  let version = few.version;
  let most = 0;
  for (const count of owners) {
    const { microseconds, commands, version: found } = await measure(seed, { waiting, owners: count, rounds }, log);
    figures[`us_per_fed_job_${count}_owners`] = microseconds;
    figures[`commands_per_fed_job_${count}_owners`] = commands;
    most = Math.max(most, microseconds / few.microseconds);
    version = found;
  }
  const text = `feeding a job with ${waiting} waiting, of ${owners.join(", ")} owners, takes at most ${MOST_TIMES} times as long as with few of one`;
  return { redisVersion: version, figures, claims: [{ text, value: most, passed: most <= MOST_TIMES }] };
}

async function measure(
  seed: number,
  { waiting, owners, rounds }: { waiting: number; owners: number; rounds: number },
  log: (line: string) => void,
): Promise<{ microseconds: number; commands: number; version: string }> {
  const door = await openStoreDoor(seed);
  try {
    log(`${waiting} jobs of ${owners} owners`);
    await inParallel(waiting, FILL_IN_FLIGHT, async (index) => {
      await door.submit(`owner-${index % owners}`);
    });
    await settled(door.redis);
    const before = await commandStats(door.redis);
    for (let round = 1; round <= rounds; round++) await feedMore(door, round);
    const counted = perJob(before, await commandStats(door.redis), rounds * FED_PER_ROUND);
    return { microseconds: counted.scriptMicroseconds, commands: counted.inScripts, version: await redisVersion(door.redis) };
  } finally {
    await door.close();
  }
}

async function feedMore({ store }: Door, round: number): Promise<void> {
  const slots = [{ slug: MODEL, slots: round * MORE_SLOTS }];
  const fed = await store.beat({ workerId: "w", host: "bench", pid: process.pid, slots });
  if (fed.length !== FED_PER_ROUND) throw new Error(`${fed.length} jobs were fed instead of ${FED_PER_ROUND}`);
}
