import { AppError, isId, shorten, type WebhookEndpoint } from "@llamero/core";
import type { StoredEndpoint } from "@llamero/store";
import type { Services } from "./route.ts";

/** Endpoints that one owner may have: each is looked at for each of their events. */
export const MAX_ENDPOINTS = 32;

export function endpointNotFound(id: string, param: string | null = "id"): AppError {
  return new AppError("webhook_endpoint_not_found", `There is no webhook endpoint ${shorten(id)}.`, { param });
}

export function endpointDisabled(id: string): AppError {
  return new AppError("webhook_endpoint_disabled", `The webhook endpoint ${shorten(id)} is disabled; enable it first.`);
}

export interface EndpointReference {
  id: string;
  owner: string;
}

/**
 * An owner's endpoint, read or changed by `step`; what is no id of an endpoint is not looked for.
 * @throws AppError `webhook_endpoint_not_found`
 */
export async function withEndpoint<T>(reference: EndpointReference, step: () => Promise<T | null>): Promise<T> {
  const found = isId("endpoint", reference.id) ? await step() : null;
  if (found === null) throw endpointNotFound(reference.id);
  return found;
}

/** The endpoint as its owner sees it: no field of it holds a secret. */
export async function endpointView(
  endpoint: StoredEndpoint,
  { store, now }: Pick<Services, "store" | "now">,
): Promise<WebhookEndpoint> {
  const { state, failures, openUntilMs } = await store.webhooks.breakerOf(endpoint.id);
  const nowMs = now();
  const previous = endpoint.secrets.find(({ validUntilMs }) => validUntilMs !== null && validUntilMs > nowMs);
  return {
    id: endpoint.id,
    object: "webhook_endpoint",
    url: endpoint.url,
    events: endpoint.events,
    payload: endpoint.payload,
    description: endpoint.description,
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    breaker: { state, failures, open_until: timeOf(openUntilMs) },
    previous_secret_valid_until: timeOf(previous?.validUntilMs ?? null),
    created_at: new Date(endpoint.createdMs).toISOString(),
  };
}

const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** Switches an endpoint on or off. @throws AppError `webhook_endpoint_not_found` */
export async function setStatus(
  reference: EndpointReference,
  status: "enabled" | "disabled",
  services: Pick<Services, "store" | "now">,
): Promise<WebhookEndpoint> {
  const disabledReason = status === "enabled" ? null : "by_owner";
  const { webhooks } = services.store;
  const endpoint = await withEndpoint(reference, () => webhooks.updateEndpoint(reference, { status, disabledReason }));
  return endpointView(endpoint, services);
}
