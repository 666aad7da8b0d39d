import { deliverySchema } from "@llamero/core";
import { readDelivery } from "../deliveries.ts";
import { deliveryPath } from "../params.ts";
import { route } from "../route.ts";

export const getDelivery = route({
  method: "get",
  path: "/v1/deliveries/{id}",
  operationId: "getDelivery",
  summary: "Get a delivery",
  tag: "webhooks",
  request: { path: deliveryPath },
  responses: { 200: { description: "The delivery with the log of its attempts.", schema: deliverySchema } },
  errors: [404],
  handle: async ({ path, owner }, { store }) => ({ status: 200, body: await readDelivery(store, { id: path.id, owner }) }),
});
