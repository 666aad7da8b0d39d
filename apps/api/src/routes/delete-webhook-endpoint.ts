import { z } from "zod";
import { endpointPath } from "../params.ts";
import { route } from "../route.ts";
import { withEndpoint } from "../webhook-endpoints.ts";

const deletedSchema = z
  .object({ id: z.string(), object: z.literal("webhook_endpoint"), deleted: z.literal(true) })
  .meta({ id: "DeletedWebhookEndpoint" });

export const deleteWebhookEndpoint = route({
  method: "delete",
  path: "/v1/webhook-endpoints/{id}",
  operationId: "deleteWebhookEndpoint",
  summary: "Delete a webhook endpoint",
  description: "With its secrets, now and for good. Deliveries to it that are due are discarded.",
  tag: "webhooks",
  request: { path: endpointPath },
  responses: { 200: { description: "Deleted.", schema: deletedSchema } },
  errors: [404],
  handle: async ({ path, owner }, { store }) => {
    const reference = { id: path.id, owner };
    await withEndpoint(reference, async () => ((await store.webhooks.deleteEndpoint(reference)) ? true : null));
    return { status: 200, body: { id: path.id, object: "webhook_endpoint", deleted: true } };
  },
});
