import { webhookEndpointSchema } from "@llamero/core";
import { endpointPath } from "../params.ts";
import { route } from "../route.ts";
import { endpointView, withEndpoint } from "../webhook-endpoints.ts";

export const getWebhookEndpoint = route({
  method: "get",
  path: "/v1/webhook-endpoints/{id}",
  operationId: "getWebhookEndpoint",
  summary: "Get a webhook endpoint",
  tag: "webhooks",
  request: { path: endpointPath },
  responses: { 200: { description: "The endpoint, without its secret.", schema: webhookEndpointSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const reference = { id: path.id, owner };
    const endpoint = await withEndpoint(reference, () => services.store.webhooks.getEndpoint(reference));
    return { status: 200, body: await endpointView(endpoint, services) };
  },
});
