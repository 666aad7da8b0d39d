import { apiKeySchema } from "@llamero/core";
import { apiKeyView } from "../api-key-view.ts";
import { apiKeyPath } from "../params.ts";
import { route } from "../route.ts";

export const revokeApiKey = route({
  method: "post",
  path: "/v1/admin/keys/{id}/revoke",
  operationId: "revokeApiKey",
  summary: "Make an API key useless",
  description: "Within two seconds on every API process, and for good.",
  tag: "admin",
  scope: "admin",
  request: { path: apiKeyPath },
  responses: { 200: { description: "Revoked.", schema: apiKeySchema } },
  errors: [404],
  handle: async ({ path, by }, { store }) => ({
    status: 200,
    body: apiKeyView(await store.apiKeys.revoke(path.id, { by, nowMs: await store.now() })),
  }),
});
