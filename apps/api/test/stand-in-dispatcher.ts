import type { Delivery, WebhookEvent } from "@llamero/core";
import type { Following, OutboxEvent, Store } from "@llamero/store";

const answers = {
  delivered: { status: 204, error: null, response_head: "" },
  retry: {
    status: 500,
    error: { code: "http_status", message: "The receiver did not answer with a 2xx status." },
    response_head: "no",
  },
  dead: { status: null, error: { code: "refused", message: "The receiver refused the connection." }, response_head: "" },
} as const;

/** A dispatcher's conversation with the store, without a network. */
export class StandInDispatcher {
  readonly #store: Store;
  #events = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Opens the deliveries of an event of a job. @param atMs when it happened */
  async open(job: { id: string; owner?: string }, type: WebhookEvent, atMs = Date.now()): Promise<Delivery[]> {
    const { id: jobId, owner = "local" } = job;
    const event: OutboxEvent = { id: `${atMs}-${this.#events++}`, jobId, batchId: "", type, owner, due: null };
    const { webhooks } = this.#store;
    for (const { targets } of await webhooks.targetsOf([event]))
      for (const target of targets) await webhooks.openDelivery(event, target);
    return (await webhooks.listDeliveries({ owner, jobId, limit: 100 })).deliveries;
  }

  /** Makes one attempt at a delivery that is due. */
  async attempt({ id }: Pick<Delivery, "id">, outcome: keyof typeof answers): Promise<void> {
    const { webhooks } = this.#store;
    const claimed = await webhooks.claimDelivery({ delivery_id: id, round: await this.#roundOf(id) });
    if (claimed.outcome !== "claimed") throw new Error(`the delivery was not claimed: ${claimed.outcome}`);
    const { claim } = claimed;
    const following: Following = outcome === "retry" ? { next: "retry", delayMs: 60_000 } : { next: outcome };
    const entry = { number: claim.number, at_ms: claim.begunMs, latency_ms: 12, ...answers[outcome] };
    const { outcome: recorded } = await webhooks.recordAttempt({ claim, following, entry });
    if (recorded !== "recorded") throw new Error(`the attempt was not recorded: ${recorded}`);
  }

  async #roundOf(id: string): Promise<number> {
    // Due by now, to the second above.
    const due = await this.#store.webhooks.lateDeliveries(-1_000, 1_000);
    return due.find(({ deliveryId }) => deliveryId === id)?.round ?? 1;
  }
}
