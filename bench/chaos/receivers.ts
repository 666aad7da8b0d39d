import { type Job, jobSchema } from "@llamero/core";
import { type ReceivedWebhook, WebhookReceiver } from "@llamero/testkit";
import { Webhook } from "standardwebhooks";

/** Where a job's own webhook goes, and where those of all jobs go. */
export const OWN = "/own";
export const ENDPOINT = "/endpoint";

/** One event as one receiver has heard of it, however often. */
export interface Heard {
  ids: Set<string>;
  /** The job, where the whole of it is sent. */
  jobs: Job[];
  times: number;
}

/** Where webhooks go: notes what came under which id, and whether its signature holds at this moment. */
export class Receivers {
  /** By path, job and event. */
  readonly #heard = new Map<string, Heard>();
  readonly #secrets = new Map<string, string>();
  #server: WebhookReceiver | null = null;
  requests = 0;
  /** Jobs whose end has been told them here. */
  endsHeard = 0;
  /** Why signatures did not hold, in words. */
  readonly unverified: string[] = [];

  static async start(): Promise<Receivers> {
    const receivers = new Receivers();
    receivers.#server = await WebhookReceiver.start((webhook) => receivers.#take(webhook));
    return receivers;
  }

  get url(): string {
    return this.#server?.url ?? "";
  }

  sign(path: string, secret: string): void {
    this.#secrets.set(path, secret);
  }

  /** The events that a path has heard of a job. */
  of(path: string, jobId: string, events: readonly string[]): [event: string, heard: Heard][] {
    return events.flatMap((event) => {
      const heard = this.#heard.get(`${path} ${jobId} ${event}`);
      return heard === undefined ? [] : [[event, heard] as [string, Heard]];
    });
  }

  /** Events, each counted once for each receiver. */
  get events(): number {
    return this.#heard.size;
  }

  /** Ids that came with more than one event, or with none. */
  get sharedIds(): number {
    const eventsOf = new Map<string, Set<string>>();
    for (const [key, { ids }] of this.#heard) {
      const event = key.slice(key.indexOf(" ") + 1);
      for (const id of ids) eventsOf.set(id, (eventsOf.get(id) ?? new Set()).add(event));
    }
    return Array.from(eventsOf).filter(([id, events]) => id === "" || events.size > 1).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.goDown();
  }

  #take({ path, body, headers }: ReceivedWebhook): number {
    this.requests += 1;
    try {
      new Webhook(this.#secrets.get(path) ?? "").verify(body, headers);
    } catch (error) {
      this.unverified.push(`${path} ${headers["webhook-id"]}: ${String(error)}`);
      return 401;
    }
    const { type, data } = JSON.parse(body) as { type: string; data: { id: string } };
    const key = `${path} ${data.id} ${type}`;
    const heard = this.#heard.get(key) ?? { ids: new Set(), jobs: [], times: 0 };
    if (heard.times === 0 && path === OWN) this.endsHeard += 1;
    this.#heard.set(key, heard);
    heard.ids.add(headers["webhook-id"] ?? "");
    heard.times += 1;
    const whole = jobSchema.safeParse(data);
    if (whole.success) heard.jobs.push(whole.data);
    return 204;
  }
}
