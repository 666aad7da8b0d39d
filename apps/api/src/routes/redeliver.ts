import { AppError, deliverySchema, isId } from "@llamero/core";
import { readDelivery } from "../deliveries.ts";
import { deliveryPath } from "../params.ts";
import { route } from "../route.ts";
import { endpointDisabled, endpointNotFound } from "../webhook-endpoints.ts";

export const redeliver = route({
  method: "post",
  path: "/v1/deliveries/{id}/redeliver",
  operationId: "redeliver",
  summary: "Deliver an event again",
  description:
    "Also one that was delivered; of one that waits for its next attempt, the wait ends. It keeps its `webhook-id` and has the whole schedule before it again.",
  tag: "webhooks",
  request: { path: deliveryPath },
  responses: { 202: { description: "The delivery, on its way again.", schema: deliverySchema } },
  errors: [404, 409],
  handle: async ({ path, owner }, { store }) => {
    const reference = { id: path.id, owner };
    const outcome = isId("delivery", path.id) ? await store.webhooks.redeliver(reference) : "gone";
    const delivery = await readDelivery(store, reference);
    if (outcome === "scheduled") return { status: 202, body: delivery };
    if (outcome === "pending") throw new AppError("delivery_pending", `Delivery ${path.id} is under way or due already.`);
    const endpointId = delivery.endpoint_id ?? "";
    throw outcome === "disabled" ? endpointDisabled(endpointId) : endpointNotFound(endpointId, null);
  },
});
