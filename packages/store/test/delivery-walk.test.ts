import { randomInt } from "node:crypto";
import { type Random, seededRandom } from "@llamero/testkit";
import { expect, test } from "vitest";
import type { DeliveryClaim, DueDelivery, Following, OutboxEvent } from "../src/index.ts";
import { useStore } from "./harness.ts";
import { brokenInvariants } from "./invariants.ts";
import { addEndpoint, endedJob, openAll, record } from "./webhook-harness.ts";

const harness = useStore();
const STEPS = 600;
const owner = "local";
const hook = { url: "https://two.example/", secret: null, events: ["job.cancelled" as const], payload: "thin" as const };
const limits = [0, 1, 32];
const followings: readonly Following[] = [
  { next: "delivered" },
  { next: "retry", delayMs: 0 },
  { next: "retry", delayMs: 60_000 },
  { next: "dead" },
  { next: "gone" },
  { next: "aborted" },
];

/** Random calls of dispatchers, owners and the sweeper, in an order that nobody planned. */
class Walk {
  readonly answers = new Set<string>();
  readonly events: OutboxEvent[] = [];
  readonly endpoints: string[] = [];
  readonly due: DueDelivery[] = [];
  readonly claims: DeliveryClaim[] = [];
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[this.random.below(from.length)];
  }

  async step(): Promise<void> {
    const verbs = [this.end, this.open, this.claim, this.claim, this.record, this.record, this.ask, this.endpoint, this.remove];
    await this.pick(verbs)?.call(this);
  }

  async end(): Promise<void> {
    this.events.push(await endedJob(harness, this.random.chance(0.5) ? { webhook: hook } : {}));
  }

  async open(): Promise<void> {
    const event = this.pick(this.events);
    if (event !== undefined) this.due.push(...(await openAll(harness, event)));
  }

  async claim(): Promise<void> {
    const due = this.pick(this.due);
    if (due === undefined) return;
    const carrier = { delivery_id: due.deliveryId, round: due.round };
    const result = await harness.store.webhooks.claimDelivery(carrier, this.pick(limits));
    this.answers.add(`claim ${result.outcome}`);
    if (result.outcome === "claimed") this.claims.push(result.claim);
    if (result.outcome === "put_off") this.due.push(...result.due);
  }

  async record(): Promise<void> {
    const claim = this.pick(this.claims);
    const following = this.pick(followings);
    if (claim === undefined || following === undefined) return;
    const [limit = 0, latency_ms = 0] = [this.pick(limits), this.pick([3, 15_000])];
    const result = await record(harness, claim, following, { limit, latency_ms });
    this.answers.add(`record ${result.outcome}`);
    this.due.push(...result.due);
  }

  async ask(): Promise<void> {
    const id = this.pick(this.due)?.deliveryId;
    if (id === undefined) return;
    if (this.random.chance(0.3)) await harness.store.webhooks.redeliverFailed({ owner, sinceMs: 0, limit: 3 });
    else this.answers.add(`redeliver ${await harness.store.webhooks.redeliver({ owner, id })}`);
  }

  async endpoint(): Promise<void> {
    const { webhooks } = harness.store;
    const id = this.pick(this.endpoints);
    if (id === undefined || (this.endpoints.length < 4 && this.random.chance(0.3))) {
      this.endpoints.push(await addEndpoint(harness));
      return;
    }
    const status = this.random.chance(0.6) ? "enabled" : "disabled";
    await webhooks.updateEndpoint({ owner, id }, { status, disabledReason: null });
    if (this.random.chance(0.2)) await webhooks.deleteEndpoint({ owner, id });
    const test = await webhooks.sendTest({ owner, endpointId: id });
    if (test.outcome === "scheduled") this.due.push({ deliveryId: test.delivery.id, round: 1, delayMs: 0 });
  }

  async remove(): Promise<void> {
    const event = this.pick(this.events);
    if (event !== undefined && this.random.chance(0.3)) await harness.store.remove({ id: event.jobId, owner });
  }
}

test("whatever order calls come in, records, lists, lines and logs agree", async () => {
  const seed = Number(process.env["SEED"] ?? randomInt(1_000_000));
  const walk = new Walk(seededRandom(seed));
  const common = ["claim claimed", "claim put_off", "claim stale", "record recorded", "record stale", "redeliver scheduled"];
  const missing = () => common.filter((answer) => !walk.answers.has(answer));
  // A walk that has not come everywhere by then goes on for a while.
  for (let i = 0; i < STEPS || (missing().length > 0 && i < 5 * STEPS); i++) {
    await walk.step();
    if (i % 5 === 0) expect(await brokenInvariants(harness.redis, harness.store.keys), `SEED=${seed}, step ${i}`).toEqual([]);
  }
  expect(missing(), `SEED=${seed}`).toEqual([]);
}, 60_000);
