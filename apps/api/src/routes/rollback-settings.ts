import { rollbackSettingsSchema, settingsVersionSchema } from "@llamero/core";
import { route } from "../route.ts";

export const rollbackSettings = route({
  method: "post",
  path: "/v1/admin/settings/rollback",
  operationId: "rollbackSettings",
  summary: "Bring back an earlier version of the settings",
  description: "Makes a new version with the settings of that one.",
  tag: "admin",
  scope: "admin",
  request: { body: rollbackSettingsSchema },
  responses: { 200: { description: "The version that holds now.", schema: settingsVersionSchema } },
  errors: [404],
  handle: async ({ body, by }, { store }) => ({
    status: 200,
    body: await store.settings.rollback(body.version, { by, nowMs: await store.now() }),
  }),
});
