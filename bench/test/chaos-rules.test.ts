import type { Job } from "@llamero/core";
import { seededRandom } from "@llamero/testkit";
import { describe, expect, it, test } from "vitest";
import { jobRules } from "../chaos/check-job.ts";
import { disturbances } from "../chaos/disturbances.ts";
import { planJobs, subjectsOf } from "../chaos/job-plan.ts";
import type { Entry } from "../chaos/ledger.ts";
import { planSchedule } from "../chaos/schedule.ts";
import type { StoredJob } from "../chaos/stored-jobs.ts";

const AT = Date.parse("2026-03-01T12:00:00.000Z");
const time = (afterMs: number) => new Date(AT + afterMs).toISOString();
const body = { type: "completion", prompt: "Once", params: { max_tokens: 12 } };

const job: Job = {
  id: `job_${"0".repeat(26)}`,
  object: "job",
  type: "completion",
  model: "bench",
  status: "succeeded",
  priority: "normal",
  position: null,
  eta_seconds: null,
  created_at: time(0),
  run_at: time(1_000),
  deadline_at: time(60_000),
  started_at: time(1_010),
  finished_at: time(2_000),
  attempts: 2,
  cached: false,
  resumed_from: 5,
  progress: { completion_tokens: 12 },
  params: { max_tokens: 12 },
  output: { text: "a story", finish_reason: "length" },
  usage: { prompt_tokens: 3, cached_tokens: 0, completion_tokens: 12, total_tokens: 15 },
  timings: null,
  error: null,
  metadata: { index: "4" },
  retry_of: null,
  retried_by: null,
  supersede_key: null,
  session_id: null,
  superseded_by: null,
  batch_id: null,
  routing: null,
  webhook: null,
};
const stored: StoredJob = { job, text: "a story", tokens: 12, isNumbered: true };
const entry: Entry = {
  planned: {
    index: 4,
    kind: "completion",
    body,
    timing: { delay_ms: 1_000, deadline_ms: 60_000 },
    session: {},
    cancelAfterMs: null,
    isFollowed: true,
  },
  ids: new Set([job.id]),
  id: job.id,
  endings: [job],
  wasCancelled: false,
  reading: { text: "a story", tokens: 12, resets: 0, gaps: 0, connections: 3, job },
};
const answers = new Map([[JSON.stringify(body), "a story"]]);

type Change = (entry: Entry, stored: StoredJob) => void;
const reading =
  (change: Partial<NonNullable<Entry["reading"]>>): Change =>
  (broken) =>
    void Object.assign(broken.reading ?? {}, change);
const record =
  (change: Partial<Job>): Change =>
  (_, broken) =>
    void Object.assign(broken.job, change);

/** What each rule has to find. */
const breaches: [rule: keyof typeof jobRules, what: string, Change][] = [
  ["jobs with several ids or several ends", "a second id for one key", ({ ids }) => void ids.add("job_2")],
  [
    "jobs with several ids or several ends",
    "another end told before",
    ({ endings }) => void endings.push({ ...job, status: "failed" }),
  ],
  [
    "jobs with several ids or several ends",
    "another text told before",
    ({ endings }) => void endings.push({ ...job, output: null }),
  ],
  ["jobs with several ids or several ends", "no end", record({ status: "running" })],
  ["jobs that ended as nobody had asked", "a failure", record({ status: "failed" })],
  ["jobs that ended as nobody had asked", "a cancel that nobody sent", record({ status: "cancelled" })],
  ["jobs that ended as nobody had asked", "an end before the deadline", record({ status: "expired" })],
  ["jobs whose times are not those asked for", "a start before its time", record({ started_at: time(900) })],
  ["jobs whose times are not those asked for", "a delay by another clock", record({ run_at: time(1_001) })],
  ["jobs whose times are not those asked for", "a deadline by another clock", record({ deadline_at: time(3_660_000) })],
  [
    "jobs whose text or tokens are not those stored",
    "a gap in the chunks",
    (_, broken) => void Object.assign(broken, { isNumbered: false }),
  ],
  [
    "jobs whose text or tokens are not those stored",
    "a token stored twice",
    (_, broken) => void Object.assign(broken, { tokens: 13 }),
  ],
  [
    "jobs whose text or tokens are not those stored",
    "text that no chunk has",
    (_, broken) => void Object.assign(broken, { text: "a" }),
  ],
  ["jobs whose followers did not read one text, the job's", "a gap", reading({ gaps: 1 })],
  ["jobs whose followers did not read one text, the job's", "a reset", reading({ resets: 1 })],
  ["jobs whose followers did not read one text, the job's", "another text", reading({ text: "a storya story" })],
  ["jobs whose followers did not read one text, the job's", "no end", reading({ job: null })],
  ["jobs with a result of another request", "another job's metadata", record({ metadata: { index: "5" } })],
  ["jobs with a result of another request", "another text", record({ output: { text: "negative", finish_reason: "length" } })],
  [
    "jobs with a result of another request",
    "fewer tokens than were asked for",
    record({ usage: { prompt_tokens: 3, cached_tokens: 0, completion_tokens: 11, total_tokens: 14 } }),
  ],
];

describe("the rules for jobs", () => {
  it("are all kept by a job that is in order", () => {
    for (const [name, rule] of Object.entries(jobRules)) expect(rule(entry, stored, answers), name).toBe(true);
  });

  it.each(breaches)("%s: finds %s", (rule, _what, change) => {
    const [broken, brokenStored] = [structuredClone(entry), structuredClone(stored)];
    change(broken, brokenStored);
    expect(jobRules[rule](broken, brokenStored, answers)).toBe(false);
  });

  it("take an embedding for what it is", () => {
    const embedding: Entry["planned"] = { ...entry.planned, kind: "embedding", body: { input: ["a"] } };
    const unit = Array.from({ length: 192 }, (_, index) => (index === 0 ? 1 : 0));
    const isRight = (embeddings: number[][]) =>
      jobRules["jobs with a result of another request"](
        { ...entry, planned: embedding },
        { ...stored, job: { ...job, output: { embeddings } } },
        answers,
      );
    expect([isRight([unit]), isRight([unit, unit]), isRight([unit.map((x) => x / 2)]), isRight([[1]])]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

test("a seed gives the same jobs and the same schedule, another one others", () => {
  const jobs = (seed: number) => JSON.stringify(planJobs(seed, 50, subjectsOf(4)));
  const schedule = (seed: number) =>
    planSchedule(seededRandom(seed), disturbances, ({ times }) => times.full).map(
      ({ at, disturbance }) => `${at} ${disturbance.name}`,
    );
  expect(jobs(1)).toBe(jobs(1));
  expect(jobs(1)).not.toBe(jobs(2));
  expect(schedule(1)).toEqual(schedule(1));
  expect(schedule(1)).not.toEqual(schedule(2));
  expect(schedule(1)).toEqual(schedule(1).toSorted((a, b) => Number.parseFloat(a) - Number.parseFloat(b)));
  expect(
    schedule(1).filter((line) => line.includes("Redis killed") || line.includes("Redis told") || line.includes("shut down")),
  ).toHaveLength(5);
});
