import { settingsVersionSchema } from "@llamero/core";
import { route } from "../route.ts";

export const getSettings = route({
  method: "get",
  path: "/v1/admin/settings",
  operationId: "getSettings",
  summary: "Read the settings that hold",
  tag: "admin",
  scope: "admin",
  responses: { 200: { description: "The newest version.", schema: settingsVersionSchema } },
  handle: async (_call, { store }) => ({ status: 200, body: await store.settings.read() }),
});
