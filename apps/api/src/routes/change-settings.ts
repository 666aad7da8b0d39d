import { changeSettingsSchema, settingsVersionSchema } from "@llamero/core";
import { route } from "../route.ts";

export const changeSettings = route({
  method: "post",
  path: "/v1/admin/settings",
  operationId: "changeSettings",
  summary: "Change settings while everything runs",
  description: "Makes a new version. It holds for all processes within a second.",
  tag: "admin",
  scope: "admin",
  request: { body: changeSettingsSchema },
  responses: { 200: { description: "The version that holds now.", schema: settingsVersionSchema } },
  errors: [409],
  handle: async ({ body, by }, { store }) => ({
    status: 200,
    body: await store.settings.change(body.settings, { by, nowMs: await store.now() }, body.if_version),
  }),
});
