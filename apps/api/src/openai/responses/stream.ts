import type { Job } from "@llamero/core";
import type { ResponseDoor } from "@llamero/openai";
import type { Answer, Services } from "../../route.ts";
import { streamJobs } from "../../stream-jobs.ts";
import { ResponseEvents } from "./events.ts";

export interface StreamedResponse {
  job: Job;
  owner: string;
  door: ResponseDoor;
  /** Events up to this number are left out. */
  after?: number;
  /** Ends it when nobody reads it any more. Default: null, it does not depend on its reader. */
  abandon?: (() => Promise<void>) | null;
}

/** A response as it goes, from its first event on. */
export function streamResponse(services: Services, { job, owner, door, after, abandon = null }: StreamedResponse): Answer {
  const written = new ResponseEvents(job, door, after);
  return streamJobs(services, {
    streams: [services.events.follow({ id: job.id, owner }, null, written.write)],
    hasEnded: () => written.hasEnded,
    failure: (error) => written.failure(error),
    abandon,
  });
}
