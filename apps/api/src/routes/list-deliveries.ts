import { deliverySchema, deliveryStatusSchema } from "@llamero/core";
import { z } from "zod";
import { listOf, listSchemaOf, requireCursor } from "../list.ts";
import { intParam } from "../params.ts";
import { route } from "../route.ts";

const query = z.strictObject({
  job_id: z.string().min(1).max(64).optional(),
  endpoint_id: z.string().min(1).max(64).optional(),
  status: deliveryStatusSchema.optional(),
  limit: intParam(1, 100, 20),
  after: z.string().optional().meta({ description: "The `last_id` of the page before." }),
});

export const listDeliveries = route({
  method: "get",
  path: "/v1/deliveries",
  operationId: "listDeliveries",
  summary: "List deliveries",
  description: "Newest first, with the log of their attempts. `status=dead` lists those that are given up.",
  tag: "webhooks",
  request: { query },
  responses: { 200: { description: "One page of deliveries.", schema: listSchemaOf(deliverySchema, "DeliveryList") } },
  handle: async ({ query, owner }, { store }) => {
    const { job_id: jobId, endpoint_id: endpointId, status, limit, after } = query;
    requireCursor("delivery", after);
    const { deliveries, hasMore } = await store.webhooks.listDeliveries({
      owner,
      limit,
      ...(jobId === undefined ? {} : { jobId }),
      ...(endpointId === undefined ? {} : { endpointId }),
      ...(status === undefined ? {} : { status }),
      ...(after === undefined ? {} : { after }),
    });
    return { status: 200, body: listOf(deliveries, hasMore) };
  },
});
