import { webhookEndpointSchema } from "@llamero/core";
import { endpointPath } from "../params.ts";
import { route } from "../route.ts";
import { setStatus } from "../webhook-endpoints.ts";

export const disableWebhookEndpoint = route({
  method: "post",
  path: "/v1/webhook-endpoints/{id}/disable",
  operationId: "disableWebhookEndpoint",
  summary: "Disable a webhook endpoint",
  description: "It gets nothing until it is enabled again; deliveries to it that are due are discarded.",
  tag: "webhooks",
  request: { path: endpointPath },
  responses: { 200: { description: "The endpoint, disabled.", schema: webhookEndpointSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    return { status: 200, body: await setStatus({ id: path.id, owner }, "disabled", services) };
  },
});
