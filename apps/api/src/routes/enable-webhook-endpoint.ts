import { webhookEndpointSchema } from "@llamero/core";
import { endpointPath } from "../params.ts";
import { route } from "../route.ts";
import { setStatus } from "../webhook-endpoints.ts";

export const enableWebhookEndpoint = route({
  method: "post",
  path: "/v1/webhook-endpoints/{id}/enable",
  operationId: "enableWebhookEndpoint",
  summary: "Enable a webhook endpoint",
  description: "It gets events from now on; what was discarded in the meantime is not sent by itself.",
  tag: "webhooks",
  request: { path: endpointPath },
  responses: { 200: { description: "The endpoint, enabled.", schema: webhookEndpointSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    return { status: 200, body: await setStatus({ id: path.id, owner }, "enabled", services) };
  },
});
