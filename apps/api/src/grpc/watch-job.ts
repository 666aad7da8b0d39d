import type { MessageInitShape } from "@bufbuild/protobuf";
import { AppError, validate } from "@llamero/core";
import {
  initOf,
  JobSchema,
  plainOf,
  StatusChangeSchema,
  TextDeltaSchema,
  type WatchEventSchema,
  type WatchRequest,
  WatchRequestSchema,
} from "@llamero/grpc";
import { z } from "zod";
import { isAtEnd, type JobEvent, type Position, parsePosition, positionText } from "../event-position.ts";
import type { Services } from "../route.ts";
import { jobNotFound } from "../wait-for-job.ts";
import type { GrpcCall } from "./calls.ts";
import { jobToRead } from "./job-reference.ts";

type Event = MessageInitShape<typeof WatchEventSchema>;

const watchSchema = z.strictObject({
  id: z.string().default(""),
  cursor: z.string().optional(),
  owner: z.string().optional(),
});

function watchEvent({ name, position, data }: JobEvent): Event {
  const cursor = positionText(position);
  switch (name) {
    case "status":
      return { cursor, event: { case: name, value: initOf(StatusChangeSchema, data) } };
    case "delta":
      return { cursor, event: { case: name, value: initOf(TextDeltaSchema, data) } };
    case "done":
      return { cursor, event: { case: name, value: initOf(JobSchema, data) } };
  }
}

/**
 * The events of a job behind a cursor, to its end. Nothing is read before the client has taken what came earlier.
 * @throws AppError `job_not_found`, also when it is removed meanwhile; `invalid_cursor`; `api_stopping`
 */
export async function* watchJob(request: WatchRequest, call: GrpcCall, services: Services): AsyncGenerator<Event, void, void> {
  const { events, notifications } = services;
  const { cursor = "", ...asked } = validate(watchSchema, plainOf(WatchRequestSchema, request));
  const job = jobToRead(call, services, asked);
  let behind: Position | null = cursor === "" ? null : parsePosition(cursor, "cursor");
  const page = await events.read(job, behind);
  if (page === null) throw jobNotFound(job.id);
  if (behind !== null && isAtEnd(behind, page)) return;
  for await (const turn of events.turns(job, behind, call.signal)) {
    // An empty turn is a sign of life.
    if (turn.length === 0) yield { cursor: behind === null ? "" : positionText(behind) };
    for (const event of turn) {
      yield watchEvent(event);
      behind = event.position;
      if (event.name === "done") return;
    }
  }
  if (notifications.isClosed)
    throw new AppError("api_stopping", "This API process is stopping. Go on at another, from the cursor.");
  call.signal.throwIfAborted();
  throw jobNotFound(job.id);
}
