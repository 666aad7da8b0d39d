import { z } from "zod";
import { endJob } from "../../../end-job.ts";
import { findResponse } from "../../../openai/responses/find.ts";
import { responsePath } from "../../../params.ts";
import { route } from "../../../route.ts";

const deletedSchema = z
  .object({ id: z.string(), object: z.literal("response"), deleted: z.literal(true) })
  .meta({ id: "DeletedResponse" });

export const deleteResponse = route({
  method: "delete",
  path: "/v1/responses/{id}",
  operationId: "deleteResponse",
  summary: "Delete a response",
  description: "Cancels it if it has not ended, and removes it with its job.",
  tag: "openai",
  request: { path: responsePath },
  responses: { 200: { description: "Deleted.", schema: deletedSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const { job } = await findResponse(services, { id: path.id, owner });
    const reference = { id: job.id, owner };
    await endJob(services, reference);
    await services.store.remove(reference);
    return { status: 200, body: { id: path.id, object: "response", deleted: true } };
  },
});
