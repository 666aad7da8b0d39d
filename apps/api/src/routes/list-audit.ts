import { auditEntrySchema } from "@llamero/core";
import { z } from "zod";
import { intParam } from "../params.ts";
import { route } from "../route.ts";

const MAX_PAGE = 1_000;
const PAGE = 100;

const querySchema = z.strictObject({
  limit: intParam(1, MAX_PAGE, PAGE),
  after: z
    .string()
    .regex(/^\d{1,16}-\d{1,16}$/, "must be the id of an entry")
    .optional()
    .meta({ description: "Id of an entry: only those before it in time." }),
});
const listSchema = z
  .object({ object: z.literal("list"), data: z.array(auditEntrySchema), has_more: z.boolean() })
  .meta({ id: "AuditList" });

export const listAudit = route({
  method: "get",
  path: "/v1/admin/audit",
  operationId: "listAudit",
  summary: "List what administrators have done",
  description: "Changes of keys and settings, the newest first; about the last ten thousand are kept.",
  tag: "admin",
  scope: "admin",
  request: { query: querySchema },
  responses: { 200: { description: "A page of entries.", schema: listSchema } },
  handle: async ({ query: { limit, after } }, { store }) => {
    const entries = await store.audit(limit + 1, after);
    return { status: 200, body: { object: "list", data: entries.slice(0, limit), has_more: entries.length > limit } };
  },
});
