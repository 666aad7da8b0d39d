import type { EndpointSecret } from "@llamero/store";
import { WebhookSecret } from "@llamero/webhooks";

/**
 * What signs an attempt made now: the secrets of the job or the endpoint that are still valid, the newest first, or else the
 * deployment's. @returns none when there is nothing to sign with
 */
export function signingSecrets(
  own: readonly EndpointSecret[],
  deploymentSecrets: readonly WebhookSecret[],
  nowMs: number,
): readonly WebhookSecret[] {
  const valid = own.filter(({ validUntilMs }) => validUntilMs === null || nowMs < validUntilMs);
  return valid.length > 0 ? valid.map(({ secret }) => WebhookSecret.parse(secret)) : deploymentSecrets;
}
