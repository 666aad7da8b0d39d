import { chatCompletion, chatCompletionAnswerSchema, chatCompletionSchema, chatJobs } from "@llamero/openai";
import { chatForm } from "../../openai/forms.ts";
import { serveDoor } from "../../openai/serve-door.ts";
import { route } from "../../route.ts";

export const createChatCompletion = route({
  method: "post",
  path: "/v1/chat/completions",
  operationId: "createChatCompletion",
  summary: "Answer a chat, in OpenAI's form",
  description:
    "A durable job that is waited for. A client that goes away cancels it, unless it sends `x-llamero-keep: true`. `x-llamero-session` names the session that the call is a turn of.",
  tag: "openai",
  scope: "submit",
  request: { body: chatCompletionSchema },
  responses: {
    200: { description: "The answer; with `stream`, in chunks as server-sent events.", schema: chatCompletionAnswerSchema },
  },
  errors: [404, 408, 409, 429],
  handle: (call, services) =>
    serveDoor(call, services, {
      bodies: chatJobs(call.body),
      answersPerPrompt: call.body.n ?? 1,
      form: chatForm,
      answer: chatCompletion,
    }),
});
