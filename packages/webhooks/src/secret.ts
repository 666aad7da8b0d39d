import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { AppError, WEBHOOK_SECRET_PREFIX, webhookSecretSchema } from "@llamero/core";

/** Bytes of a secret that is made here: as long as the digest, so that the HMAC is as strong as it can be. */
const GENERATED_BYTES = 32;
const HIDDEN = "[webhook secret]";

/**
 * A key that signs. It has no readable field: a log line, a template, JSON and `console.log` all show a placeholder.
 * `reveal()` is the only way to its text.
 */
export class WebhookSecret {
  readonly #key: Buffer;

  private constructor(key: Buffer) {
    this.#key = key;
  }

  static generate(): WebhookSecret {
    return new WebhookSecret(randomBytes(GENERATED_BYTES));
  }

  /**
   * Takes `whsec_` and base64, or the base64 alone, as the libraries of Standard Webhooks do.
   * @param param the request field that it came from
   * @throws AppError `invalid_request`, which does not repeat the text
   */
  static parse(text: string, param: string | null = null): WebhookSecret {
    const checked = webhookSecretSchema.safeParse(text);
    if (checked.success) return new WebhookSecret(Buffer.from(checked.data.replace(WEBHOOK_SECRET_PREFIX, ""), "base64"));
    const message = "The webhook secret must be whsec_ and the base64 of 24 to 64 random bytes; try: openssl rand -base64 32";
    throw new AppError("invalid_request", message, { param });
  }

  /** The raw key, for the HMAC. */
  bytes(): Uint8Array {
    return this.#key;
  }

  /** The text that a receiver is given: `whsec_…`. */
  reveal(): string {
    return WEBHOOK_SECRET_PREFIX + this.#key.toString("base64");
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** What signs an attempt: several while one is being replaced by another. */
export type SigningSecrets = readonly [WebhookSecret, ...WebhookSecret[]];
