import { z } from "zod";
import { isAtEnd, type Position, parsePosition } from "../event-position.ts";
import { isJobId, jobPath } from "../params.ts";
import { route } from "../route.ts";
import { STREAM_HEADERS } from "../stream-headers.ts";
import { jobNotFound } from "../wait-for-job.ts";

const DESCRIPTION = `Server-sent events, from the first on, while the job runs and as long as it is kept.

- \`status\` \`{status, attempt, text_reset}\`: the job waits or runs. A later attempt goes on with the text of the earlier ones.
  \`text_reset\` is true only when Redis has lost what it had told, as after a power cut: forget the text so far, it comes again.
- \`delta\` \`{text, tokens}\`: more text, and how many tokens it took.
- \`done\`: the job, ended. All deltas, put together, are its \`output.text\`, if it has one.

Every event has an \`id\`. After a cut, send the last one as \`Last-Event-ID\`, as browsers do by themselves, or as \`after\`: the
stream goes on right behind it, on any replica. Behind \`done\` there is nothing, which 204 says.`;

const lastEventId = (description: string) => z.string().optional().meta({ description, example: "1-17-running" });

/** @throws AppError `invalid_cursor` */
function positionOf(header: string | null, after: string | undefined): Position | null {
  if (header) return parsePosition(header, "Last-Event-ID");
  return after === undefined ? null : parsePosition(after, "after");
}

export const followJob = route({
  method: "get",
  path: "/v1/jobs/{id}/events",
  operationId: "followJob",
  summary: "Follow a job, live",
  description: DESCRIPTION,
  tag: "jobs",
  request: {
    path: jobPath,
    query: z.strictObject({ after: lastEventId("As `Last-Event-ID`, for clients that cannot set headers.") }),
    headers: z.object({ "Last-Event-ID": lastEventId("The id of the last event that came; goes before `after`.") }),
  },
  responses: {
    200: { description: "The events.", schema: z.string(), contentType: "text/event-stream" },
    204: { description: "The client has all events; a browser stops reconnecting." },
  },
  errors: [404],
  handle: async ({ path, query, headers, owner }, { events }) => {
    if (!isJobId(path.id)) throw jobNotFound(path.id);
    const job = { id: path.id, owner };
    const behind = positionOf(headers.get("last-event-id"), query.after);
    const page = await events.read(job, behind);
    if (page === null) throw jobNotFound(path.id);
    if (behind !== null && isAtEnd(behind, page)) return { status: 204, body: null };
    return { status: 200, body: events.follow(job, behind), headers: STREAM_HEADERS, stallMs: events.stallMs };
  },
});
