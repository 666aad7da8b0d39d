import { z } from "zod";
import { route } from "../route.ts";
import { endpointNotFound } from "../webhook-endpoints.ts";

/** Deliveries that one call starts again. */
const MOST_AT_ONCE = 1_000;

const bodySchema = z
  .strictObject({
    since: z.iso.datetime({ offset: true }).meta({ description: "Of events from this time on." }),
    endpoint_id: z.string().min(1).max(64).optional(),
  })
  .meta({ id: "RedeliverFailed" });

const answerSchema = z
  .object({
    object: z.literal("redelivery"),
    scheduled: z.int().nonnegative(),
    has_more: z.boolean().meta({ description: "There are more; call again." }),
  })
  .meta({ id: "Redelivery" });

export const redeliverFailed = route({
  method: "post",
  path: "/v1/deliveries/redeliver",
  operationId: "redeliverFailed",
  summary: "Deliver again all that failed since a time",
  description: `All that are dead, were discarded or wait for another attempt, to all receivers or to one endpoint, the oldest first; up to ${MOST_AT_ONCE} per call.`,
  tag: "webhooks",
  request: { body: bodySchema },
  responses: { 202: { description: "How many are on their way again.", schema: answerSchema } },
  errors: [404],
  handle: async ({ body, owner }, { store }) => {
    const { since, endpoint_id: endpointId } = body;
    if (endpointId !== undefined && (await store.webhooks.getEndpoint({ owner, id: endpointId })) === null)
      throw endpointNotFound(endpointId, "endpoint_id");
    const { scheduled, hasMore } = await store.webhooks.redeliverFailed({
      owner,
      sinceMs: Date.parse(since),
      limit: MOST_AT_ONCE,
      ...(endpointId === undefined ? {} : { endpointId }),
    });
    return { status: 202, body: { object: "redelivery", scheduled, has_more: hasMore } };
  },
});
