import { AppError } from "@llamero/core";
import { z } from "zod";
import { route } from "../route.ts";

const statusSchema = z.object({ status: z.literal("ok") }).meta({ id: "Health" });

export const livez = route({
  method: "get",
  path: "/livez",
  operationId: "livez",
  summary: "Whether the process runs",
  tag: "service",
  isPublic: true,
  responses: { 200: { description: "It does.", schema: statusSchema } },
  handle: async () => ({ status: 200, body: { status: "ok" } }),
});

export const readyz = route({
  method: "get",
  path: "/readyz",
  operationId: "readyz",
  summary: "Whether requests can be served: Redis answers, and the process is not stopping",
  tag: "service",
  isPublic: true,
  responses: { 200: { description: "They can.", schema: statusSchema } },
  errors: [503],
  handle: async (_call, { store, health }) => {
    const stopping = health.readiness().problems["start"];
    if (stopping !== undefined) throw new AppError("api_stopping", `Not ready: ${stopping}.`);
    await store.ping();
    return { status: 200, body: { status: "ok" } };
  },
});
