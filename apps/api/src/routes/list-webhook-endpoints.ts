import { webhookEndpointSchema } from "@llamero/core";
import { z } from "zod";
import { route } from "../route.ts";
import { endpointView } from "../webhook-endpoints.ts";

const listSchema = z
  .object({ object: z.literal("list"), data: z.array(webhookEndpointSchema) })
  .meta({ id: "WebhookEndpointList" });

export const listWebhookEndpoints = route({
  method: "get",
  path: "/v1/webhook-endpoints",
  operationId: "listWebhookEndpoints",
  summary: "List webhook endpoints",
  description: "All of them, without their secrets.",
  tag: "webhooks",
  responses: { 200: { description: "The endpoints.", schema: listSchema } },
  handle: async ({ owner }, services) => {
    const endpoints = await services.store.webhooks.listEndpoints(owner);
    const data = await Promise.all(endpoints.map((endpoint) => endpointView(endpoint, services)));
    return { status: 200, body: { object: "list", data } };
  },
});
