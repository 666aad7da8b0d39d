import { AppError, isTerminal, type Message, type SubmitBody } from "@llamero/core";
import {
  createResponseSchema,
  doorOf,
  type ResponseBody,
  requireInput,
  responseJob,
  responseSchema,
  responseView,
} from "@llamero/openai";
import { findResponse } from "../../../openai/responses/find.ts";
import { streamResponse } from "../../../openai/responses/stream.ts";
import { type Answer, route, type Services } from "../../../route.ts";
import { abandon, acceptAll, type DoorCall, endOf } from "../../../run-jobs.ts";

/** What a response goes on with. */
interface Conversation {
  messages: Message[];
  /** Of its second response and those that follow. */
  session: Pick<SubmitBody, "session_id">;
}

/** The conversation that a response goes on with. @throws AppError `response_not_found`, `invalid_request` */
async function before({ owner }: DoorCall, services: Services, { previous_response_id }: ResponseBody): Promise<Conversation> {
  if (!previous_response_id) return { messages: [], session: {} };
  const { job, door } = await findResponse(services, { id: previous_response_id, owner });
  const record = await services.store.getRecord({ id: job.id, owner });
  const output = job.output !== null && "message" in job.output ? job.output.message : null;
  if (!isTerminal(job.status) || output === null || record?.request.type !== "chat")
    throw new AppError("invalid_request", `Response ${previous_response_id} has no answer to go on from; it is ${job.status}.`, {
      param: "previous_response_id",
    });
  const { messages, session_id } = record.request;
  return { messages: [...messages.slice(door.lead), output], session: { session_id: session_id ?? job.id } };
}

async function handle(call: DoorCall & { body: ResponseBody }, services: Services): Promise<Answer> {
  const { body, owner } = call;
  const door = doorOf(body);
  requireInput(door.input);
  const isBackground = body.background === true;
  const { messages, session } = await before(call, services, body);
  const bodies = [{ ...session, ...responseJob(body, messages) }];
  const { jobs, headers } = await acceptAll(call, services, bodies, { door: JSON.stringify(door), isKept: isBackground });
  const [job] = jobs;
  if (job === undefined) throw new Error("a response has a job");
  const leave = () => abandon(call, services, jobs);
  if (body.stream === true) {
    const answer = streamResponse(services, { job, owner, door, abandon: isBackground ? null : leave });
    return { ...answer, headers: { ...headers, ...answer.headers } };
  }
  if (isBackground) return { status: 200, body: responseView(job, door), headers };
  try {
    return { status: 200, body: responseView(await endOf(call, services, job), door), headers };
  } catch (error) {
    await leave();
    throw error;
  }
}

export const createResponse = route({
  method: "post",
  path: "/v1/responses",
  operationId: "createResponse",
  summary: "Make a response, in OpenAI's form",
  description:
    "A durable job. It is waited for, and cancelled when its client goes away, unless it is made with `background`; then it is answered at once, to be read later.",
  tag: "openai",
  scope: "submit",
  request: { body: createResponseSchema },
  responses: { 200: { description: "The response; with `stream`, its events.", schema: responseSchema } },
  errors: [404, 408, 409, 429],
  handle,
});
