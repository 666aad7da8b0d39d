import { AppError, isTerminal } from "@llamero/core";
import { responseSchema, responseView, statusOf } from "@llamero/openai";
import { endJob } from "../../../end-job.ts";
import { findResponse } from "../../../openai/responses/find.ts";
import { responsePath } from "../../../params.ts";
import { route } from "../../../route.ts";

export const cancelResponse = route({
  method: "post",
  path: "/v1/responses/{id}/cancel",
  operationId: "cancelResponse",
  summary: "Cancel a response that runs in the background",
  description: "It keeps the text that it has. Answers within 2 seconds.",
  tag: "openai",
  request: { path: responsePath },
  responses: { 200: { description: "The response, ended.", schema: responseSchema } },
  errors: [404],
  handle: async ({ path, owner }, services) => {
    const { job, door } = await findResponse(services, { id: path.id, owner });
    if (!door.shown.background)
      throw new AppError("invalid_request", "Only a response that was made with background can be cancelled.");
    if (isTerminal(job.status) && job.status !== "cancelled")
      throw new AppError("invalid_request", `The response cannot be cancelled: it is ${statusOf(job)}.`);
    return { status: 200, body: responseView(await endJob(services, { id: job.id, owner }), door) };
  },
});
