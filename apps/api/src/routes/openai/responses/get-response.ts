import { responseSchema, responseView } from "@llamero/openai";
import { z } from "zod";
import { findResponse } from "../../../openai/responses/find.ts";
import { streamResponse } from "../../../openai/responses/stream.ts";
import { responsePath } from "../../../params.ts";
import { route } from "../../../route.ts";

export const getResponse = route({
  method: "get",
  path: "/v1/responses/{id}",
  operationId: "getResponse",
  summary: "Read a response",
  tag: "openai",
  request: {
    path: responsePath,
    query: z.strictObject({
      stream: z
        .enum(["true", "false"])
        .optional()
        .meta({ description: "Its events, from the first one on, while it goes and later." }),
      starting_after: z
        .string()
        .regex(/^\d{1,9}$/, "must be the number of an event")
        .optional()
        .meta({ description: "Number of an event, for streams: only those behind it." }),
    }),
  },
  responses: { 200: { description: "The response as it is; with `stream`, its events.", schema: responseSchema } },
  errors: [404],
  handle: async ({ path, query, owner }, services) => {
    const { job, door } = await findResponse(services, { id: path.id, owner });
    if (query.stream !== "true") return { status: 200, body: responseView(job, door) };
    return streamResponse(services, { job, owner, door, after: Number(query.starting_after ?? -1) });
  },
});
