import { setTimeout as pass } from "node:timers/promises";
import type { Delivery } from "@llamero/core";
import { type Random, type ReceivedWebhook, seededRandom, type WebhookAnswer, WebhookReceiver } from "@llamero/testkit";
import { Webhook } from "standardwebhooks";
import { DispatcherKiller } from "./dispatcher-killer.ts";
import { redisVersion } from "./redis-stats.ts";
import type { Findings, ProofOptions } from "./report.ts";
import { claimsOf, FAILING, figuresOf } from "./webhook-claims.ts";
import { openWebhookDeployment, type WebhookDeployment } from "./webhook-deployment.ts";
import { WebhookLedger } from "./webhook-ledger.ts";

/** `giveUpMs`: after it, what has not arrived counts as lost. */
const SIZES = {
  full: { jobs: 5_000, downMs: 20_000, giveUpMs: 1_800_000 },
  quick: { jobs: 200, downMs: 2_000, giveUpMs: 150_000 },
};
/** Of the requests that the receiver fails, the share whose connection it drops instead of an answer. */
const DROPPED = 0.3;
/** The receiver takes its time with an answer, so that dispatchers die while they wait for it. */
const SLOWEST_MS = 300;
/** Longest that the log may take to settle once every event has arrived, in milliseconds: the lease of a lost attempt, twice. */
const SETTLE_MS = 60_000;
const LOOK_EVERY_MS = 200;

/** No event is lost, whatever receivers do and however often dispatchers die. */
export async function proveWebhooks({ isQuick, seed, log }: ProofOptions): Promise<Findings> {
  const { jobs, downMs, giveUpMs } = isQuick ? SIZES.quick : SIZES.full;
  const random = seededRandom(seed);
  const ledger = new WebhookLedger();
  const secrets = new Map<string, string>();
  // The first request after the outage succeeds: with every probe that fails a circuit breaker waits twice as long.
  const justBack = new Set<string>();
  let unverified = 0;
  await using receiver = await WebhookReceiver.start(async (webhook) => {
    if (!isVerified(webhook, secrets)) unverified += 1;
    const answer = justBack.delete(webhook.path) ? 204 : answerBy(random);
    ledger.note(webhook, answer);
    await pass(random.below(SLOWEST_MS));
    return answer;
  });
  await using deployment = await openWebhookDeployment(seed, receiver.url);
  for (const { path, secret } of deployment.targets) secrets.set(path, secret);
  const expected = jobs * deployment.targets.length;
  await using killer = DispatcherKiller.start(deployment.env);
  log(`${jobs} jobs with ${deployment.targets.length} receivers each`);
  const startedAt = performance.now();
  const ended = deployment.submitAndEnd(jobs);
  const givenUp = pass(giveUpMs, null, { ref: false });
  const arrived = (share: number) =>
    Promise.race([ledger.untilArrived(Math.ceil(expected * share)), givenUp, killer.failed, ended.then(() => givenUp)]);
  // The clock alone could spare the attempts of a short run.
  await arrived(1 / 4);
  killer.strike();
  await arrived(1 / 2);
  log(`the receiver is down for ${downMs / 1_000} s`);
  await receiver.goDown();
  await pass(downMs);
  await Promise.race([untilRefused(deployment), givenUp, killer.failed]);
  for (const { path } of deployment.targets) justBack.add(path);
  await receiver.goUp();
  await Promise.all([ended, arrived(1)]);
  const seconds = (performance.now() - startedAt) / 1_000;
  log(`${ledger.arrived} of ${expected} events have arrived; the log is compared`);
  await killer.rest();
  const evidence = { ledger, deliveries: await settledLog(deployment), unverified, expected, killer, isQuick };
  return {
    redisVersion: await redisVersion(deployment.door.redis),
    figures: { jobs, seconds, ...figuresOf(evidence) },
    claims: claimsOf(evidence),
  };
}

function isVerified({ path, body, headers }: ReceivedWebhook, secrets: ReadonlyMap<string, string>): boolean {
  try {
    new Webhook(secrets.get(path) ?? "").verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

function answerBy(random: Random): WebhookAnswer {
  if (!random.chance(FAILING)) return 204;
  return random.chance(DROPPED) ? "drop" : random.pick([500, 503, 302, 404]);
}

/** Resolves when an attempt has found the receiver down: a dispatcher that is killed just then may need longer than the outage. */
async function untilRefused({ get }: WebhookDeployment): Promise<void> {
  for (let after = ""; ; ) {
    const { data, has_more, last_id } = await get(`/v1/deliveries?status=pending&limit=100${after}`);
    if (data.some(({ attempts }) => attempts.some(({ error }) => error?.code === "refused"))) return;
    after = has_more ? `&after=${last_id}` : "";
    if (!has_more) await pass(LOOK_EVERY_MS);
  }
}

/** The log of all deliveries, once none waits any more: an attempt that lost its dispatcher is made again when its lease is over. */
async function settledLog({ get }: WebhookDeployment): Promise<Delivery[]> {
  for (const until = performance.now() + SETTLE_MS; performance.now() < until; await pass(LOOK_EVERY_MS)) {
    const { data } = await get("/v1/deliveries?status=pending&limit=1");
    if (data.length === 0) break;
  }
  const all: Delivery[] = [];
  for (let after = ""; ; ) {
    const page = await get(`/v1/deliveries?limit=100${after}`);
    all.push(...page.data);
    if (!page.has_more) return all;
    after = `&after=${page.last_id}`;
  }
}
