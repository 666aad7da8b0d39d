import type { Claim } from "../prove/report.ts";
import { type JobRule, jobRules } from "./check-job.ts";
import { isDelivered, isToldAlike } from "./check-webhooks.ts";
import type { Conductor } from "./conductor.ts";
import type { Deployment } from "./deployment.ts";
import type { Entry, Ledger } from "./ledger.ts";
import type { Planned } from "./schedule.ts";
import type { StoredJob } from "./stored-jobs.ts";
import type { Recovery, WorkerKiller } from "./worker-killer.ts";

/** What is shown of what is wrong. */
const SHOWN = 5;

export interface Evidence {
  jobs: number;
  deployment: Deployment;
  ledger: Ledger;
  stored: ReadonlyMap<string, StoredJob>;
  /** What each body is answered with when nothing disturbs it. */
  answers: ReadonlyMap<string, string>;
  leftovers: readonly string[];
  conductor: Conductor;
  schedule: readonly Planned[];
  killer: WorkerKiller;
  seconds: number;
  log: (line: string) => void;
}

const percentile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? 0;
const tookMs = ({ killedAt, runningAt }: Recovery) => runningAt - killedAt;

/** Recoveries during which nothing else was wrong. */
const alone = ({ killer, conductor }: Evidence) =>
  killer.recoveries.filter(({ killedAt, runningAt }) => conductor.wasQuiet(killedAt, runningAt)).map(tookMs);

export function figuresOf(evidence: Evidence): Record<string, number | Record<string, number>> {
  const { stored, killer, conductor, deployment, seconds, jobs, answers, ledger } = evidence;
  const all = Array.from(stored.values(), ({ job }) => job);
  const byStatus = Map.groupBy(all, ({ status }) => status);
  const statuses = Object.fromEntries(Array.from(byStatus, ([status, list]) => [status, list.length]));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const { client, receivers, processes } = deployment;
  return {
    jobs,
    seconds,
    statuses,
    attempts: sum(all.map(({ attempts }) => attempts)),
    most_attempts_of_a_job: Math.max(...all.map(({ attempts }) => attempts)),
    jobs_resumed: all.filter(({ resumed_from }) => resumed_from !== null).length,
    completion_tokens: sum(all.map(({ progress }) => progress.completion_tokens)),
    workers_killed: killer.kills,
    jobs_interrupted: killer.recoveries.length,
    recovery_p50_ms: percentile(killer.recoveries.map(tookMs), 0.5),
    recovery_p99_ms: percentile(killer.recoveries.map(tookMs), 0.99),
    recoveries_with_nothing_else_wrong: alone(evidence).length,
    recovery_alone_p50_ms: percentile(alone(evidence), 0.5),
    recovery_alone_p99_ms: percentile(alone(evidence), 0.99),
    disturbances: conductor.counts,
    starts_that_failed: sum(processes.map(({ failedStarts }) => failedStarts)),
    known_answers: answers.size,
    events_followed: ledger.entries.filter(({ reading }) => reading !== null).length,
    follower_connections: sum(ledger.entries.map(({ reading }) => reading?.connections ?? 0)),
    calls_broken_off: client.broken,
    calls_refused: client.refused,
    refusal_p50_ms: percentile(client.refusedMs, 0.5),
    refusal_p99_ms: percentile(client.refusedMs, 0.99),
    webhook_requests: receivers.requests,
    webhook_events: receivers.events,
  };
}

export function claimsOf(evidence: Evidence): Claim[] {
  const { jobs, ledger, stored, deployment, leftovers, conductor, schedule, killer, log } = evidence;
  const none = (text: string, found: readonly string[]): Claim => {
    for (const line of found.slice(0, SHOWN)) log(`${text}: ${line}`);
    return { text, value: found.length, passed: found.length === 0 };
  };
  const breaking = (isKept: (entry: Entry, stored: StoredJob) => boolean) =>
    ledger.entries.flatMap((entry) => {
      const found = stored.get(entry.id);
      return found === undefined || isKept(entry, found) ? [] : [JSON.stringify({ ...entry, stored: found }).slice(0, 4_000)];
    });
  const { receivers, client, processes } = deployment;
  const done = Object.values(conductor.counts).reduce((sum, count) => sum + count, 0);
  return [
    none(
      "jobs lost",
      ledger.entries.filter(({ id }) => !stored.has(id)).map(({ id }) => id),
    ),
    { text: "jobs that are there, each submitted once", value: stored.size, passed: stored.size === jobs },
    ...(Object.entries(jobRules) as [string, JobRule][]).map(([text, rule]) =>
      none(
        text,
        breaking((entry, found) => rule(entry, found, evidence.answers)),
      ),
    ),
    none(
      "jobs whose end was not told to both receivers, once each, under one id",
      breaking((_, found) => isDelivered(receivers, found)),
    ),
    none(
      "jobs of which webhooks told otherwise",
      breaking((_, found) => isToldAlike(receivers, found)),
    ),
    { text: "webhook ids that stand for several events", value: receivers.sharedIds, passed: receivers.sharedIds === 0 },
    none("webhooks whose signature did not hold when they came", receivers.unverified),
    none("answers that no client should get", client.surprises),
    { text: "refusals without Retry-After", value: client.withoutRetryAfter, passed: client.withoutRetryAfter === 0 },
    none(
      "processes that ended by themselves",
      processes.flatMap(({ surprises }) => surprises),
    ),
    none("things left in Redis that nothing accounts for", leftovers),
    { text: `disturbances made, of ${schedule.length}`, value: done, passed: done === schedule.length },
    { text: "workers killed", value: killer.kills, passed: killer.kills > 0 },
    { text: "jobs that were interrupted and ran again", value: killer.recoveries.length, passed: killer.recoveries.length > 0 },
  ];
}
