import { AppError, type Job } from "@llamero/core";
import type { Answer, Services } from "../../route.ts";
import { STREAM_HEADERS } from "../../stream-headers.ts";
import { mergeStreams } from "../merge-streams.ts";
import { ResponseEvents } from "./events.ts";
import type { ResponseDoor } from "./request.ts";

export interface StreamedResponse {
  job: Job;
  owner: string;
  door: ResponseDoor;
  /** Events up to this number are left out. */
  after?: number;
  /** Called when its reader has gone away, and when this process stops before it has ended. */
  onLeft?: () => Promise<void>;
}

const stopping = () => new AppError("api_stopping", "This API process stopped before the response had ended. Read it again.");

/** A response as it goes, from its first event on. */
export function streamResponse(
  { events }: Services,
  { job, owner, door, after, onLeft = async () => {} }: StreamedResponse,
): Answer {
  const written = new ResponseEvents(job, door, after);
  const body = mergeStreams([events.follow({ id: job.id, owner }, null, written.write)], {
    onEnd: async () => {
      if (written.hasEnded) return "";
      await onLeft();
      return written.failure(stopping());
    },
    onCancel: onLeft,
  });
  return { status: 200, body, headers: STREAM_HEADERS, stallMs: events.stallMs };
}
