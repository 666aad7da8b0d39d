import { apiKeyWithSecretSchema, createApiKeySchema } from "@llamero/core";
import { apiKeyView } from "../api-key-view.ts";
import { route } from "../route.ts";

export const createApiKey = route({
  method: "post",
  path: "/v1/admin/keys",
  operationId: "createApiKey",
  summary: "Make an API key",
  description:
    "The key is shown once, in the answer. Once there is a key, however it was made, requests need one, also on this machine.",
  tag: "admin",
  scope: "admin",
  request: { body: createApiKeySchema },
  responses: { 201: { description: "Made; shows the key, this once.", schema: apiKeyWithSecretSchema } },
  handle: async ({ by, body: { owner, name, scopes, limits, expires_in_seconds } }, { store }) => {
    const nowMs = await store.now();
    const expiresAtMs = expires_in_seconds === undefined ? null : nowMs + expires_in_seconds * 1_000;
    const { key, record } = await store.apiKeys.create({ by, owner, name, scopes, limits, nowMs, expiresAtMs });
    return { status: 201, body: { ...apiKeyView(record), key } };
  },
});
