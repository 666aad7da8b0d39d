import { type Fields, named, type Snapshot, without } from "./snapshot.ts";

/** lua/answers.lua has the same. */
const OVERHEAD_BYTES = 330;
const ROUNDED_UP_BY = 9 / 8;

const groupOf = ({ reuse, class: priority = "normal", key = "-" }: Fields) => `${reuse}:${priority}:${key}`;

/** Answers that are kept, and jobs that wait for each other. */
export function checkReuse(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  return [...checkAnswers(snapshot), ...checkLeaders(snapshot, jobs), ...checkTwins(snapshot, jobs)];
}

/** Every answer is known by its last use, and what is counted is what there is. */
function checkAnswers(snapshot: Snapshot): string[] {
  const answers = new Map(named(snapshot.strings, "answer:"));
  const used = new Set(snapshot.zsets.get("answers")?.keys());
  const problems = [
    ...without(used, new Set(answers.keys())).map((key) => `answers should not hold ${key}`),
    ...without(new Set(answers.keys()), used).map((key) => `answers lack ${key}`),
  ];
  const counted = new Map<string, { entries: number; bytes: number }>();
  for (const text of answers.values()) {
    const [, slug = ""] = /^\d+ \d+ \d+ (\S+)\n/.exec(text) ?? [];
    const { entries, bytes } = counted.get(slug) ?? { entries: 0, bytes: 0 };
    counted.set(slug, {
      entries: entries + 1,
      bytes: bytes + Math.ceil(Buffer.byteLength(text) * ROUNDED_UP_BY) + OVERHEAD_BYTES,
    });
  }
  for (const [slug, counts] of named(snapshot.hashes, "reuse:"))
    for (const name of ["entries", "bytes"] as const) {
      const there = counted.get(slug)?.[name] ?? 0;
      if (there !== Number(counts[name] ?? 0)) problems.push(`answers of ${slug} have ${there} ${name}, not ${counts[name]}`);
    }
  const bytes = Array.from(counted.values()).reduce((sum, each) => sum + each.bytes, 0);
  const told = Number(snapshot.strings.get("answer_bytes") ?? 0);
  return told === bytes ? problems : [...problems, `answers take ${bytes} bytes, and ${told} are counted`];
}

/** Who leads has not ended, and is of the group. */
function checkLeaders(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  return named(snapshot.strings, "leader:").flatMap(([group, id]) => {
    const job = jobs.get(id);
    const fits = job !== undefined && groupOf(job) === group && (job["status"] === "queued" || job["status"] === "running");
    return fits && !snapshot.zsets.get(`twins:${group}`)?.has(id) ? [] : [`${group} is led by the ${job?.["status"]} job ${id}`];
  });
}

/** Twins have a leader, or are about to be looked at. */
function checkTwins(snapshot: Snapshot, jobs: Map<string, Fields>): string[] {
  const groups = named(snapshot.zsets, "twins:");
  const looked = snapshot.zsets.get("twin_groups") ?? new Map<string, number>();
  const there = new Set(groups.map(([group]) => group));
  const waiting = groups.flatMap(([group, ids]) => Array.from(ids.keys(), (id) => ({ group, id, job: jobs.get(id) })));
  return [
    ...without(there, new Set(looked.keys())).map((group) => `nobody looks after the twins ${group}`),
    ...without(new Set(looked.keys()), there).map((group) => `there are no twins ${group}`),
    ...waiting
      .filter(({ group, job }) => job === undefined || job["status"] !== "queued" || groupOf(job) !== group)
      .map(({ group, id, job }) => `the ${job?.["status"]} job ${id} is no twin of ${group}`),
    ...Array.from(there)
      .filter((group) => !snapshot.strings.has(`leader:${group}`) && (looked.get(group) ?? 0) > Date.now())
      .map((group) => `the twins ${group} have no leader`),
  ];
}
