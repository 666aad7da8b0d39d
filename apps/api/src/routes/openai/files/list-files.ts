import { fileSchema, fileView } from "@llamero/openai";
import { z } from "zod";
import { listOf, listSchemaOf, requireCursor } from "../../../list.ts";
import { intParam } from "../../../params.ts";
import { route } from "../../../route.ts";

const MAX_PAGE = 1_000;
const PAGE = 100;

export const listFiles = route({
  method: "get",
  path: "/v1/files",
  operationId: "listFiles",
  summary: "List files",
  tag: "openai",
  request: {
    query: z.strictObject({
      purpose: z.string().min(1).max(64).optional(),
      limit: intParam(1, MAX_PAGE, PAGE),
      after: z.string().optional().meta({ description: "The `last_id` of the page before." }),
      order: z.enum(["desc", "asc"]).default("desc").meta({ description: "By creation time." }),
    }),
  },
  responses: { 200: { description: "One page of files.", schema: listSchemaOf(fileSchema, "FileList") } },
  handle: async ({ query: { purpose, limit, after, order }, owner }, { store }) => {
    requireCursor("file", after);
    const named = { ...(purpose === undefined ? {} : { purpose }), ...(after === undefined ? {} : { after }) };
    const { files, hasMore } = await store.files.list({ owner, limit, order, ...named });
    return { status: 200, body: listOf(files.map(fileView), hasMore) };
  },
});
