import {
  AppError,
  defaultJobEvents,
  defaultWebhookEvents,
  type JobWebhook,
  type JobWebhookEvent,
  type WebhookEvent,
  type WebhookPayloadStyle,
} from "@llamero/core";
import { type AddressGuard, checkWebhookUrl, type Resolve, WebhookSecret } from "@llamero/webhooks";
import { recentLookups } from "./recent-lookups.ts";

/** Longest that a submission waits for DNS, in milliseconds. What is not known by then is found out at delivery. */
const LOOKUP_MS = 1_000;

export interface WebhookTargetsOptions {
  guard: AddressGuard;
  allowHttp: boolean;
  /** Whether the deployment signs for those who give no secret. */
  hasSecret: boolean;
  resolve: Resolve;
  /** Milliseconds from whenever on; never goes back. */
  now: () => number;
}

/** A target as it is stored. */
export interface StoredTarget<Event extends WebhookEvent> {
  url: string;
  events: Event[];
  payload: WebhookPayloadStyle;
}

interface Target<Event> {
  url: string;
  events?: Event[] | undefined;
  payload?: WebhookPayloadStyle | undefined;
}

/** What callers may name as a receiver of webhooks, by the rules of the deployment. */
export class WebhookTargets {
  readonly #options: WebhookTargetsOptions;
  readonly #resolve: Resolve;

  constructor(options: WebhookTargetsOptions) {
    this.#options = options;
    this.#resolve = recentLookups({ ...options, timeoutMs: LOOKUP_MS });
  }

  /**
   * A target with its defaults, once its URL is found usable.
   * @throws AppError `invalid_request`
   */
  async #check<Event extends WebhookEvent>(
    { url, events, payload }: Target<Event>,
    { param, defaults }: { param: string; defaults: readonly Event[] },
  ): Promise<StoredTarget<Event>> {
    await checkWebhookUrl(url, { ...this.#options, resolve: this.#resolve, param });
    return { url, events: events ?? [...defaults], payload: payload ?? "full" };
  }

  /** An endpoint's target. @throws AppError `invalid_request` */
  ofEndpoint(target: Target<WebhookEvent>): Promise<StoredTarget<WebhookEvent>> {
    return this.#check(target, { param: "url", defaults: defaultWebhookEvents });
  }

  /** A job's own target. @throws AppError `invalid_request` */
  async ofJob(webhook: JobWebhook): Promise<StoredTarget<JobWebhookEvent> & { secret: string | null }> {
    if (webhook.secret === undefined && !this.#options.hasSecret)
      throw new AppError(
        "invalid_request",
        "Give webhook.secret to sign with; this server has none of its own (LLAMERO_WEBHOOK_SECRET).",
        { param: "webhook.secret" },
      );
    const target = await this.#check(webhook, { param: "webhook.url", defaults: defaultJobEvents });
    return { ...target, secret: webhook.secret === undefined ? null : canonicalSecret(webhook.secret) };
  }
}

/** A caller's secret in the form in which all are kept; a new one when none is given. */
export function canonicalSecret(given: string | undefined): string {
  return (given === undefined ? WebhookSecret.generate() : WebhookSecret.parse(given, "secret")).reveal();
}
