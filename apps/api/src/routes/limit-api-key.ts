import { apiKeySchema, keyLimitsSchema } from "@llamero/core";
import { apiKeyView } from "../api-key-view.ts";
import { apiKeyPath } from "../params.ts";
import { route } from "../route.ts";

export const limitApiKey = route({
  method: "post",
  path: "/v1/admin/keys/{id}/limits",
  operationId: "limitApiKey",
  summary: "Change what may be submitted with an API key",
  description: "The limits in the body replace all that it has. Within two seconds on every API process.",
  tag: "admin",
  scope: "admin",
  request: { path: apiKeyPath, body: keyLimitsSchema },
  responses: { 200: { description: "Changed.", schema: apiKeySchema } },
  errors: [404],
  handle: async ({ path, body, by }, { store }) => ({
    status: 200,
    body: apiKeyView(await store.apiKeys.limit(path.id, body, by)),
  }),
});
