import { createMessageSchema, messageJob, messageSchema, messageView } from "@llamero/anthropic";
import { MessageEvents } from "../../anthropic/message-events.ts";
import { route } from "../../route.ts";
import { abandon, acceptAll, runJob } from "../../run-jobs.ts";
import { streamJobs } from "../../stream-jobs.ts";

export const createMessage = route({
  method: "post",
  path: "/v1/messages",
  operationId: "createMessage",
  summary: "Answer a chat, in Anthropic's form",
  description: "A durable job that is waited for. A client that goes away cancels it, unless it sends `x-llamero-keep: true`.",
  tag: "anthropic",
  dialect: "anthropic",
  request: { body: createMessageSchema },
  responses: { 200: { description: "The message; with `stream`, its events.", schema: messageSchema } },
  errors: [404, 408, 409, 429],
  handle: async (call, services) => {
    const body = messageJob(call.body);
    if (call.body.stream !== true) {
      const { job, headers } = await runJob(call, services, body);
      return { status: 200, body: messageView(job), headers };
    }
    const { jobs, headers } = await acceptAll(call, services, [body]);
    const [job] = jobs;
    if (job === undefined) throw new Error("a message has a job");
    const events = new MessageEvents(job, services.answerMs);
    const answer = streamJobs(services, {
      streams: [services.events.follow({ id: job.id, owner: call.owner }, null, events.write)],
      hasEnded: () => events.hasEnded,
      failure: (error) => events.failure(error),
      abandon: () => abandon(call, services, jobs),
    });
    return { ...answer, headers: { ...headers, ...answer.headers } };
  },
});
