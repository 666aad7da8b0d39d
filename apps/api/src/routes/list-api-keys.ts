import { apiKeySchema } from "@llamero/core";
import { z } from "zod";
import { apiKeyView } from "../api-key-view.ts";
import { route } from "../route.ts";

const listSchema = z.object({ object: z.literal("list"), data: z.array(apiKeySchema) }).meta({ id: "ApiKeyList" });

export const listApiKeys = route({
  method: "get",
  path: "/v1/admin/keys",
  operationId: "listApiKeys",
  summary: "List API keys",
  description:
    "All keys in the order they were made, with those that are revoked or have expired. Keys of the environment are not among them.",
  tag: "admin",
  scope: "admin",
  responses: { 200: { description: "All keys.", schema: listSchema } },
  handle: async (_call, { store }) => {
    const records = await store.apiKeys.list();
    return { status: 200, body: { object: "list", data: records.map(apiKeyView) } };
  },
});
