import { deliverySchema, isId, webhookTestEvent } from "@llamero/core";
import { endpointPath } from "../params.ts";
import { route } from "../route.ts";
import { endpointDisabled, endpointNotFound } from "../webhook-endpoints.ts";

export const testWebhookEndpoint = route({
  method: "post",
  path: "/v1/webhook-endpoints/{id}/test",
  operationId: "testWebhookEndpoint",
  summary: "Send a test event",
  description: `Sends \`${webhookTestEvent}\`, whatever events are asked for. \`GET /v1/deliveries/{id}\` shows what comes of it.`,
  tag: "webhooks",
  request: { path: endpointPath },
  responses: { 202: { description: "The delivery, on its way.", schema: deliverySchema } },
  errors: [404, 409],
  handle: async ({ path, owner }, { store }) => {
    if (!isId("endpoint", path.id)) throw endpointNotFound(path.id);
    const sent = await store.webhooks.sendTest({ owner, endpointId: path.id });
    if (sent.outcome === "scheduled") return { status: 202, body: sent.delivery };
    throw sent.outcome === "gone" ? endpointNotFound(path.id) : endpointDisabled(path.id);
  },
});
