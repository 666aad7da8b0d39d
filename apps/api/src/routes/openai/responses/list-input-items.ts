import { AppError } from "@llamero/core";
import { shownItems, tailOf } from "@llamero/openai";
import { z } from "zod";
import { listOf, listSchemaOf } from "../../../list.ts";
import { findResponse } from "../../../openai/responses/find.ts";
import { intParam, responsePath } from "../../../params.ts";
import { route } from "../../../route.ts";

const MAX_PAGE = 100;
const PAGE = 20;

const itemSchema = z.looseObject({ id: z.string(), type: z.string() });

export const listInputItems = route({
  method: "get",
  path: "/v1/responses/{id}/input_items",
  operationId: "listInputItems",
  summary: "List what a response was asked",
  tag: "openai",
  request: {
    path: responsePath,
    query: z.strictObject({
      limit: intParam(1, MAX_PAGE, PAGE),
      after: z.string().max(256).optional().meta({ description: "Id of an item: only those behind it." }),
      order: z.enum(["asc", "desc"]).default("desc"),
    }),
  },
  responses: { 200: { description: "A page of items, the newest first.", schema: listSchemaOf(itemSchema, "ResponseItemList") } },
  errors: [404],
  handle: async ({ path, query: { limit, after, order }, owner }, services) => {
    const { job, door } = await findResponse(services, { id: path.id, owner });
    const items = shownItems(door.input, tailOf(job.id)) as { id: string }[];
    if (order === "desc") items.reverse();
    const at = after === undefined ? -1 : items.findIndex(({ id }) => id === after);
    if (after !== undefined && at === -1)
      throw new AppError("invalid_cursor", "after must be the id of an item of this response.", { param: "after" });
    const data = items.slice(at + 1, at + 1 + limit);
    return { status: 200, body: listOf(data, at + 1 + limit < items.length) };
  },
});
