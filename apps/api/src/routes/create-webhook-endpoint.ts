import { AppError, createWebhookEndpointSchema, webhookEndpointWithSecretSchema } from "@llamero/core";
import { z } from "zod";
import { route } from "../route.ts";
import { endpointView, MAX_ENDPOINTS } from "../webhook-endpoints.ts";
import { canonicalSecret } from "../webhook-targets.ts";

const locationHeader = z.object({
  Location: z.string().meta({ description: "Path of the endpoint.", example: "/v1/webhook-endpoints/whep_…" }),
});

export const createWebhookEndpoint = route({
  method: "post",
  path: "/v1/webhook-endpoints",
  operationId: "createWebhookEndpoint",
  summary: "Register a webhook endpoint",
  description: `A URL that is told of all your jobs. The answer shows the signing secret, this once. Up to ${MAX_ENDPOINTS} per owner.`,
  tag: "webhooks",
  request: { body: createWebhookEndpointSchema },
  responses: { 201: { description: "Registered.", schema: webhookEndpointWithSecretSchema, headers: locationHeader } },
  errors: [409],
  handle: async ({ body, owner }, services) => {
    const { store, webhookTargets } = services;
    const target = await webhookTargets.ofEndpoint(body);
    const secret = canonicalSecret(body.secret);
    const description = body.description ?? null;
    const endpoint = await store.webhooks.createEndpoint({ ...target, owner, description, secret, limit: MAX_ENDPOINTS });
    if (endpoint === null)
      throw new AppError(
        "too_many_webhook_endpoints",
        `There are ${MAX_ENDPOINTS} webhook endpoints already; delete one that is not needed.`,
      );
    const location = `/v1/webhook-endpoints/${endpoint.id}`;
    return { status: 201, body: { ...(await endpointView(endpoint, services)), secret }, headers: { location } };
  },
});
