import type { Delivery } from "@llamero/core";
import type { ReceivedWebhook, WebhookAnswer } from "@llamero/testkit";

/** What one receiver has seen of one event. */
interface Seen {
  ids: Set<string>;
  /** What its requests were answered, if they were still there to hear it. */
  answers: WebhookAnswer[];
}

const isSuccess = (answer: WebhookAnswer) => answer === 204;

function count<T>(list: readonly T[], fits: (each: T) => boolean): number {
  return list.filter(fits).length;
}

/** What the receivers have seen, to be compared with what the delivery log says. */
export class WebhookLedger {
  readonly #seen = new Map<string, Seen>();
  readonly #waiting: { count: number; resolve: () => void }[] = [];
  #arrived = 0;

  /** Resolves when this many events have been taken by their receivers. */
  untilArrived(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve });
    this.#wake();
    return promise;
  }

  note({ path, headers, body }: ReceivedWebhook, answer: WebhookAnswer): void {
    const { type, data } = JSON.parse(body) as { type: string; data: { id: string } };
    const seen = this.#of(path, data.id, type);
    const isFirst = isSuccess(answer) && !seen.answers.some(isSuccess);
    seen.ids.add(headers["webhook-id"] ?? "");
    seen.answers.push(answer);
    if (!isFirst) return;
    this.#arrived += 1;
    this.#wake();
  }

  get arrived(): number {
    return this.#arrived;
  }

  /** Events that one receiver got under more than one id. */
  get withSeveralIds(): number {
    return this.#count(({ ids }) => ids.size !== 1);
  }

  /** Ids that stand for more than one event: by them a receiver would take one event for another. */
  get sharedIds(): number {
    const eventsOf = Map.groupBy(this.#pairs(), ([id]) => id);
    return count(Array.from(eventsOf.values()), (pairs) => new Set(pairs.map(([, event]) => event)).size > 1);
  }

  /** Events that a receiver took more than once: its dispatcher died before it could note the answer. */
  get takenTwice(): number {
    return this.#count(({ answers }) => answers.filter(isSuccess).length > 1);
  }

  get requests(): number {
    return this.#answers().length;
  }

  /** Requests that were not answered by success: with a failure, or with a dropped connection. */
  get failed(): number {
    return count(this.#answers(), (answer) => !isSuccess(answer));
  }

  get dropped(): number {
    return count(this.#answers(), (answer) => answer === "drop");
  }

  /**
   * Whether the log of a delivery and what its receiver has seen fit together: every request stands there, as its answer, as a broken
   * connection or as an attempt that was interrupted, and no answer stands there that was not given.
   */
  accountsFor(delivery: Delivery): boolean {
    const { job_id, event, event_id, attempts } = delivery;
    const { ids, answers } = this.#of(new URL(delivery.url).pathname, job_id ?? "", event);
    const couldArrive = attempts.filter(({ error }) => error?.code !== "refused");
    const isInvented = attempts.some(
      ({ status }) =>
        status !== null && count(attempts, (each) => each.status === status) > count(answers, (each) => each === status),
    );
    const isNumbered = attempts.every(({ number }, index) => number === index + 1);
    return isNumbered && !isInvented && answers.length <= couldArrive.length && Array.from(ids).every((id) => id === event_id);
  }

  #wake(): void {
    for (const { count, resolve } of this.#waiting) if (this.#arrived >= count) resolve();
  }

  #answers(): WebhookAnswer[] {
    return Array.from(this.#seen.values()).flatMap(({ answers }) => answers);
  }

  /** Each id with an event that came under it; receivers may see the same event. */
  #pairs(): [id: string, event: string][] {
    return Array.from(this.#seen).flatMap(([key, { ids }]) =>
      Array.from(ids, (id): [string, string] => [id, key.slice(key.indexOf(" ") + 1)]),
    );
  }

  #of(path: string, jobId: string, type: string): Seen {
    const key = `${path} ${jobId} ${type}`;
    const seen = this.#seen.get(key) ?? { ids: new Set(), answers: [] };
    this.#seen.set(key, seen);
    return seen;
  }

  #count(fits: (seen: Seen) => boolean): number {
    return Array.from(this.#seen.values()).filter(fits).length;
  }
}
