import { reuseStateSchema } from "@llamero/core";
import { route } from "../route.ts";

export const getReuse = route({
  method: "get",
  path: "/v1/admin/reuse",
  operationId: "getReuse",
  summary: "Read what is kept of answers, and how often they were given again",
  tag: "admin",
  scope: "admin",
  responses: { 200: { description: "By model, and of all together.", schema: reuseStateSchema } },
  handle: async (_call, { store }) => ({ status: 200, body: await store.reuse.state() }),
});
