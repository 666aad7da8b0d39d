import { batchEndpointPaths, batchSchema, batchView } from "@llamero/openai";
import type { StoredBatch } from "@llamero/store";
import { z } from "zod";
import { listOf, listSchemaOf, requireCursor } from "../../../list.ts";
import { intParam } from "../../../params.ts";
import { route } from "../../../route.ts";

/** Message batches have a list of their own. */
const isWanted = ({ endpoint }: StoredBatch) => batchEndpointPaths.some((path) => path === endpoint);

export const listBatches = route({
  method: "get",
  path: "/v1/batches",
  operationId: "listBatches",
  summary: "List batches",
  description: "The newest first.",
  tag: "openai",
  request: {
    query: z.strictObject({
      limit: intParam(1, 100, 20),
      after: z.string().optional().meta({ description: "The `last_id` of the page before." }),
    }),
  },
  responses: { 200: { description: "One page of batches.", schema: listSchemaOf(batchSchema, "BatchList") } },
  handle: async ({ query: { limit, after }, owner }, { store }) => {
    requireCursor("batch", after);
    const { batches, hasMore } = await store.batches.list({ owner, limit, isWanted, ...(after === undefined ? {} : { after }) });
    return { status: 200, body: listOf(batches.map(batchView), hasMore) };
  },
});
