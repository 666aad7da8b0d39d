import { settingsVersionSchema } from "@llamero/core";
import { z } from "zod";
import { route } from "../route.ts";

const listSchema = z
  .object({ object: z.literal("list"), data: z.array(settingsVersionSchema) })
  .meta({ id: "SettingsVersionList" });

export const listSettingsHistory = route({
  method: "get",
  path: "/v1/admin/settings/history",
  operationId: "listSettingsHistory",
  summary: "List the versions of the settings",
  description: "The last hundred, the newest first, with who made each.",
  tag: "admin",
  scope: "admin",
  responses: { 200: { description: "Versions that can be brought back.", schema: listSchema } },
  handle: async (_call, { store }) => ({ status: 200, body: { object: "list", data: await store.settings.history() } }),
});
