import { apiKeyWithSecretSchema, rotateApiKeySchema } from "@llamero/core";
import { apiKeyView } from "../api-key-view.ts";
import { apiKeyPath } from "../params.ts";
import { route } from "../route.ts";

export const rotateApiKey = route({
  method: "post",
  path: "/v1/admin/keys/{id}/rotate",
  operationId: "rotateApiKey",
  summary: "Give an API key another secret",
  description: "The secret that it had is good for a while too, so that clients can change in their own time.",
  tag: "admin",
  scope: "admin",
  request: { path: apiKeyPath, body: rotateApiKeySchema },
  responses: { 200: { description: "Changed; shows the new key, this once.", schema: apiKeyWithSecretSchema } },
  errors: [404, 409],
  handle: async ({ path, body, by }, { store }) => {
    const previousValidMs = body.previous_valid_seconds * 1_000;
    const { key, record } = await store.apiKeys.rotate(path.id, { by, nowMs: await store.now(), previousValidMs });
    return { status: 200, body: { ...apiKeyView(record), key } };
  },
});
