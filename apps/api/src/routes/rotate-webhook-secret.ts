import { rotateWebhookSecretSchema, webhookEndpointWithSecretSchema } from "@llamero/core";
import { endpointPath } from "../params.ts";
import { route } from "../route.ts";
import { endpointView, withEndpoint } from "../webhook-endpoints.ts";
import { canonicalSecret } from "../webhook-targets.ts";

export const rotateWebhookSecret = route({
  method: "post",
  path: "/v1/webhook-endpoints/{id}/rotate",
  operationId: "rotateWebhookSecret",
  summary: "Change the secret of a webhook endpoint",
  description:
    "Events are signed with the new secret and, for a while, with the one before too, so that the receiver can change in its own time. A secret that was changed before that one is dropped at once.",
  tag: "webhooks",
  request: { path: endpointPath, body: rotateWebhookSecretSchema },
  responses: { 200: { description: "Changed; shows the new secret, this once.", schema: webhookEndpointWithSecretSchema } },
  errors: [404],
  handle: async ({ path, body, owner }, services) => {
    const reference = { id: path.id, owner };
    const secret = canonicalSecret(body.secret);
    const previousValidMs = body.previous_valid_seconds * 1000;
    const { webhooks } = services.store;
    const endpoint = await withEndpoint(reference, () => webhooks.rotateSecret(reference, { secret, previousValidMs }));
    return { status: 200, body: { ...(await endpointView(endpoint, services)), secret } };
  },
});
