import { batchIdOf, MESSAGES_PATH, messageBatchSchema, messageBatchView } from "@llamero/anthropic";
import { AppError, isId } from "@llamero/core";
import { z } from "zod";
import { originOf } from "../../origin.ts";
import { intParam } from "../../params.ts";
import { route } from "../../route.ts";

const listSchema = z
  .object({
    data: z.array(messageBatchSchema),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  })
  .meta({ id: "MessageBatchList" });

const cursor = (description: string) => z.string().max(64).optional().meta({ description });

/** @throws AppError `invalid_cursor` */
function idOf(cursor: string | undefined, param: string): string | undefined {
  if (cursor === undefined) return undefined;
  const id = batchIdOf(cursor);
  if (!isId("batch", id)) throw new AppError("invalid_cursor", `${param} must be the id of a message batch.`, { param });
  return id;
}

export const listMessageBatches = route({
  method: "get",
  path: "/v1/messages/batches",
  operationId: "listMessageBatches",
  summary: "List message batches",
  description: "The newest first.",
  tag: "anthropic",
  dialect: "anthropic",
  request: {
    query: z.strictObject({
      limit: intParam(1, 1_000, 20),
      after_id: cursor("Those behind it in the list."),
      before_id: cursor("Those before it in the list, the nearest ones."),
    }),
  },
  responses: { 200: { description: "One page of message batches.", schema: listSchema } },
  handle: async (call, { store }) => {
    const { limit, after_id, before_id } = call.query;
    const [after, before] = [idOf(after_id, "after_id"), idOf(before_id, "before_id")];
    if (after !== undefined && before !== undefined)
      throw new AppError("invalid_request", "Give after_id or before_id, not both.", { param: "before_id" });
    const order = before === undefined ? "desc" : "asc";
    const from = after ?? before;
    const page = await store.batches.list({
      ...{ owner: call.owner, limit, order, isWanted: ({ endpoint }) => endpoint === MESSAGES_PATH },
      ...(from === undefined ? {} : { after: from }),
    });
    const batches = before === undefined ? page.batches : page.batches.toReversed();
    const data = batches.map((batch) => messageBatchView(batch, originOf(call)));
    const [first, last] = [data[0], data.at(-1)];
    return { status: 200, body: { data, has_more: page.hasMore, first_id: first?.id ?? null, last_id: last?.id ?? null } };
  },
});
