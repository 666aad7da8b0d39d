import { AppError, deliverySchema, deliveryStatusSchema, isId } from "@llamero/core";
import { z } from "zod";
import { intParam } from "../params.ts";
import { route } from "../route.ts";

const listSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(deliverySchema),
    has_more: z.boolean(),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  })
  .meta({ id: "DeliveryList" });

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
  responses: { 200: { description: "One page of deliveries.", schema: listSchema } },
  handle: async ({ query, owner }, { store }) => {
    const { job_id: jobId, endpoint_id: endpointId, status, limit, after } = query;
    if (after !== undefined && !isId("delivery", after))
      throw new AppError("invalid_cursor", "after must be the last_id of an earlier page.", { param: "after" });
    const { deliveries, hasMore } = await store.webhooks.listDeliveries({
      owner,
      limit,
      ...(jobId === undefined ? {} : { jobId }),
      ...(endpointId === undefined ? {} : { endpointId }),
      ...(status === undefined ? {} : { status }),
      ...(after === undefined ? {} : { after }),
    });
    const ids = deliveries.map((delivery) => delivery.id);
    const body = {
      object: "list",
      data: deliveries,
      has_more: hasMore,
      first_id: ids[0] ?? null,
      last_id: ids.at(-1) ?? null,
    };
    return { status: 200, body };
  },
});
