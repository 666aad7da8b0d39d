import { randomInt } from "node:crypto";
import { priorities, queueSlug } from "@llamero/core";
import { type Random, seededRandom } from "@llamero/testkit";
import { expect, test } from "vitest";
import { eventsOf, newJobId, openSlots, sampleJob, useStore } from "./harness.ts";
import { brokenInvariants } from "./invariants.ts";
import { ended, type ReferenceJob, reference } from "./reference.ts";
import { ReferenceTwins } from "./reference-twins.ts";
import { mark } from "./reuse-harness.ts";

const harness = useStore();
const STEPS = 2_000;
const MOST_JOBS = 12;
/** What a walk of this length cannot miss: shows that it goes where it should. */
const COMMON_ANSWERS = [
  ...["claimed", "stale", "terminal", "gone", "elsewhere"].map((answer) => `claim ${answer}`),
  ...["appended", "fenced", "ordinal", "gone"].map((answer) => `append ${answer}`),
  ...["finished", "fenced", "gone"].map((answer) => `finish ${answer}`),
  ...["cancelled", "requested", "terminal", "gone"].map((answer) => `cancel ${answer}`),
  ...["removed", "unfinished", "gone"].map((answer) => `remove ${answer}`),
  ...["twin", "leader", "alone"].map((answer) => `arrive ${answer}`),
];

/** What `append` has written of it. */
function emittedBy({ chunks }: ReferenceJob) {
  const tokens = Array.from({ length: chunks }, (_, index) => [index + 1, index + 1]).flat();
  return { chunks, tokens, text: "x".repeat(chunks) };
}

class Walk {
  readonly jobs: ReferenceJob[] = [];
  /** Every answer that was given, with the call that gave it. */
  readonly answers = new Set<string>();
  private readonly random: Random;
  private readonly twins = new ReferenceTwins(this.jobs);

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** One random call; returns what it was, for the report of a failure. */
  async step(): Promise<string> {
    const { random } = this;
    if (this.jobs.length < MOST_JOBS && random.chance(0.3)) return this.accept();
    const job = this.jobs[random.below(this.jobs.length)];
    if (job === undefined || random.chance(0.15)) return this.besides().call(this);
    const calls = [
      this.claim,
      this.claim,
      this.append,
      this.append,
      this.finish,
      this.cancel,
      this.remove,
      this.makeLate,
    ] as const;
    return random.pick(calls).call(this, job);
  }

  /** A call that is about no job. */
  private besides(): () => Promise<string> {
    if (this.random.chance(0.01)) return this.forget;
    return this.random.pick([this.beat, this.sweep, this.feed, this.limit]);
  }

  /** Statuses as Redis has them, and every index. */
  async check(): Promise<void> {
    const { redis, store } = harness;
    const statuses = await Promise.all(this.jobs.map((job) => redis.hget(store.keys.job(job.id), "status")));
    expect(statuses).toEqual(this.jobs.map((job) => (job.status === "removed" ? null : job.status)));
    expect(await brokenInvariants(redis, store.keys)).toEqual([]);
    for (const job of this.jobs.filter((candidate) => candidate.status === "removed")) await this.bury(job);
  }

  /** A job that is gone leaves the walk after a few late calls; its events have been counted: each attempt once, the end once. */
  private async bury(job: ReferenceJob): Promise<void> {
    const events = await eventsOf(harness, job.id);
    expect(events.filter((event) => event === "job.started")).toHaveLength(job.attempts);
    expect(events.filter((event) => event !== "job.started")).toHaveLength(1);
    if (this.random.chance(0.1)) this.jobs.splice(this.jobs.indexOf(job), 1);
  }

  private async accept(): Promise<string> {
    const { random } = this;
    const isScheduled = random.chance(0.2);
    const owner = random.pick(["alice", "bob", "carol"]);
    const job = sampleJob(harness, {
      owner,
      slug: random.pick(["tiny", "other", "tiny~legal"]),
      runAtMs: isScheduled ? 4_000_000_000_000 : null,
      deadlineMs: random.chance(0.5) ? 4_000_000_000_000 : null,
      metadata: random.chance(0.3) ? { a: "b" } : null,
      priority: random.pick(priorities),
      supersedeKey: random.chance(0.2) ? random.pick(["s1", "s2"]) : null,
      key: random.chance(0.5) ? { id: random.pick(["k1", "k2"]), limits: { tokens_per_minute: 1_000_000 } } : null,
      idempotency: random.chance(0.3) ? { key: newJobId(), bodyHash: "b" } : null,
    });
    if (random.chance(0.8)) job.reuse = { key: `${mark}.${owner}_${queueSlug(job.slug)}`, answer: null };
    const status = isScheduled ? "scheduled" : "queued";
    const supersedeKey = job.supersedeKey ?? null;
    for (const other of this.jobs)
      if (supersedeKey !== null && other.owner === owner && other.supersedeKey === supersedeKey) {
        reference.supersede(other);
        this.twins.leave(other);
      }
    const reuseKey = job.reuse?.key ?? null;
    const accepted: ReferenceJob = {
      id: job.id,
      owner,
      slug: job.slug,
      status,
      isFed: false,
      run: 0,
      fence: 0,
      attempts: 0,
      lost: 0,
      chunks: 0,
      resumedFrom: 0,
      stop: null,
      isLate: false,
      supersedeKey,
      reuseKey,
      group: reuseKey === null ? null : `${reuseKey} ${job.priority} ${job.key?.id}`,
      leads: false,
      isTwin: false,
    };
    if (!isScheduled) this.answers.add(`arrive ${this.twins.arrive(accepted)}`);
    this.jobs.push(accepted);
    const result = await harness.store.accept(job);
    expect(result).toMatchObject({ outcome: "accepted", job: { status: accepted.status } });
    this.note(result);
    return `accept ${job.id}`;
  }

  private async claim(job: ReferenceJob): Promise<string> {
    const run = job.run - (this.random.chance(0.2) ? 1 : 0);
    const hasVariant = this.random.chance(0.5);
    const expected = reference.claim(job, run, hasVariant || queueSlug(job.slug) === job.slug);
    const result = await harness.store.claim({ job_id: job.id, run }, "w1", { variants: hasVariant ? [job.slug] : [] });
    this.answered("claim", result.outcome, expected);
    this.twins.leave(job);
    if (result.outcome === "claimed")
      expect(result.claim).toMatchObject({
        fence: job.fence,
        attempt: job.attempts,
        counts: { lost: job.lost },
        emitted: emittedBy(job),
      });
    this.note(result);
    return `claim ${job.id} run ${run}`;
  }

  private async append(job: ReferenceJob): Promise<string> {
    const fence = this.fenceOf(job);
    const k = job.chunks + (this.random.chance(0.5) ? 1 : this.random.below(3));
    const expected = reference.append(job, fence, k);
    const result = await harness.store.append({ jobId: job.id, fence }, k, { tokens: [k, k], text: "x" });
    this.answered("append", result.outcome, expected);
    if (result.outcome === "appended") expect(result.stop).toBe(job.stop);
    return `append ${job.id} fence ${fence} k ${k}`;
  }

  private async finish(job: ReferenceJob): Promise<string> {
    const fence = this.fenceOf(job);
    const status = this.random.pick(["queued", "queued", "succeeded", "succeeded", "failed", "cancelled", "expired"]);
    const result = { text: "x", finish_reason: "stop" } as const;
    const expected = reference.finish(job, fence, status);
    const isKept = this.random.chance(0.8);
    if (expected === "finished") this.twins.leave(job, isKept);
    const answer = await harness.store.finish(
      { jobId: job.id, fence },
      status === "failed"
        ? { status, error: { code: "engine_failed", message: "x" } }
        : status === "queued"
          ? { status }
          : { status, result, completionTokens: 1, ran: isKept ? mark : "another" },
    );
    this.answered("finish", answer.outcome, expected);
    this.note(answer);
    return `finish ${job.id} fence ${fence} ${status}`;
  }

  private async cancel(job: ReferenceJob): Promise<string> {
    const owner = this.random.chance(0.9) ? job.owner : "mallory";
    const force = this.random.chance(0.3);
    const expected = reference.cancel(job, owner, force);
    const result = await harness.store.cancel({ id: job.id, owner }, force);
    this.answered("cancel", result.outcome, expected);
    this.twins.leave(job);
    this.note(result);
    return `cancel ${job.id} as ${owner} force ${force}`;
  }

  private async remove(job: ReferenceJob): Promise<string> {
    const owner = this.random.chance(0.9) ? job.owner : "mallory";
    const expected = reference.remove(job, owner);
    this.answered("remove", (await harness.store.remove({ id: job.id, owner })).outcome, expected);
    return `remove ${job.id} as ${owner}`;
  }

  /** Lets time pass for one job: its entry in the index that the sweep reads goes into the past. */
  private async makeLate(job: ReferenceJob): Promise<string> {
    const index = `${harness.store.keys.base}${job.status === "scheduled" ? "scheduled" : "deadlines"}`;
    const moved = Number(await harness.redis.zadd(index, "XX", "CH", 1, job.id));
    if (moved === 1) job.isLate = true;
    return `late ${job.id}`;
  }

  private async beat(): Promise<string> {
    const slots = this.random.below(3);
    const worker = this.random.pick(["w1", "w2"]);
    const slug = this.random.pick(["tiny", "other"]);
    const fed =
      slots === 0 ? await this.goodbye(worker) : await openSlots(harness, slots, worker, { slug, variants: ["tiny~legal"] });
    this.note({ fed });
    return `beat ${worker} ${slug} ${slots}`;
  }

  private goodbye(workerId: string) {
    return harness.store.beat({ workerId, host: "test", pid: 1, slots: [] });
  }

  private async sweep(): Promise<string> {
    const { redis, store } = harness;
    const isRetiring = this.random.chance(0.2);
    const { fed } = await store.sweep({ retentionMs: isRetiring ? 0 : 3_600_000, limit: 100 });
    const actual = await Promise.all(this.jobs.map((job) => redis.hget(store.keys.job(job.id), "status")));
    // What ends in this pass is there until the next.
    const retired = isRetiring ? this.jobs.filter(ended) : [];
    for (const job of this.jobs.toSorted((a, b) => (a.id < b.id ? -1 : 1))) this.fallDue(job);
    for (const [index, job] of this.jobs.entries()) {
      if (retired.includes(job)) job.status = "removed";
      reference.sweep(job, actual[index] ?? null);
      this.twins.leave(job);
    }
    this.note({ fed });
    return `sweep ${isRetiring ? "with retention 0" : ""}`;
  }

  private fallDue(job: ReferenceJob): void {
    if (!reference.fallDue(job)) return;
    this.answers.add(`arrive ${this.twins.arrive(job, true)}`);
  }

  private async forget(): Promise<string> {
    await harness.store.reuse.forget("test");
    this.twins.forget();
    return "forget";
  }

  /** Every key may run so many jobs at a time, or as many as it likes. */
  private async limit(): Promise<string> {
    const { store } = harness;
    const max_running = this.random.pick([1, 2, null]);
    await store.settings.change({ key_limits: { max_running } }, { by: "test", nowMs: 1 });
    await this.feed();
    return `limit ${max_running}`;
  }

  private async feed(): Promise<string> {
    this.note({ fed: await harness.store.feed(["tiny", "other"]) });
    return "feed";
  }

  private answered(call: string, actual: string, expected: string): void {
    expect(actual, call).toBe(expected);
    this.answers.add(`${call} ${actual}`);
  }

  private fenceOf(job: ReferenceJob): number {
    return job.fence - (this.random.chance(0.2) ? 1 : 0);
  }

  /** Only a job that waits in the backlog may be fed, under its next run. */
  private note(result: object): void {
    const fed = "fed" in result ? (result.fed as { jobId: string; run: number }[]) : [];
    for (const { jobId, run } of fed) {
      const job = this.jobs.find((candidate) => candidate.id === jobId);
      expect(job).toMatchObject({ status: "queued", isFed: false, isTwin: false, run: run - 1 });
      if (job !== undefined) Object.assign(job, { isFed: true, run });
    }
  }
}

test(`stays consistent over ${STEPS} random calls`, { timeout: 120_000 }, async () => {
  const seed = Number(process.env["LLAMERO_TEST_SEED"] ?? randomInt(2 ** 31));
  const walk = new Walk(seed);
  const trail: string[] = [];
  try {
    for (let i = 0; i < STEPS; i++) {
      trail.push(await walk.step());
      await walk.check();
    }
    expect(Array.from(walk.answers)).toEqual(expect.arrayContaining(COMMON_ANSWERS));
  } catch (error) {
    const last = trail.slice(-15).join("\n  ");
    throw new Error(`LLAMERO_TEST_SEED=${seed}, step ${trail.length}, after\n  ${last}`, { cause: error });
  }
});
