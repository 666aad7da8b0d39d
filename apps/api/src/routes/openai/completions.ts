import { completion, completionAnswerSchema, completionJobs, completionSchema } from "@llamero/openai";
import { completionForm } from "../../openai/forms.ts";
import { serveDoor } from "../../openai/serve-door.ts";
import { route } from "../../route.ts";

export const createCompletion = route({
  method: "post",
  path: "/v1/completions",
  operationId: "createCompletion",
  summary: "Continue a text, in OpenAI's form",
  description:
    "Durable jobs that are waited for. A client that goes away cancels them, unless it sends `x-llamero-keep: true`. `x-llamero-session` names the session that the call is a turn of.",
  tag: "openai",
  scope: "submit",
  request: { body: completionSchema },
  responses: {
    200: { description: "The answer; with `stream`, in chunks as server-sent events.", schema: completionAnswerSchema },
  },
  errors: [404, 408, 409, 429],
  handle: (call, services) =>
    serveDoor(call, services, {
      bodies: completionJobs(call.body),
      answersPerPrompt: call.body.n ?? 1,
      form: completionForm,
      answer: (jobs, first) => completion(jobs, first, call.body.n ?? 1),
    }),
});
