import { AppError, isTerminal, type Job, type JobStatus, jobStatuses, shorten } from "@llamero/core";
import type { EventPage } from "@llamero/store";

/**
 * What a client knows of a job: its state, and so many chunks of its text. The id of every event is the position behind it,
 * written `<attempt>-<chunks>-<status>`. What comes next follows from the position and the stored job alone, so any replica can
 * go on. A later attempt goes on with the text of the earlier ones, so `attempt` belongs to the state and not to the text.
 */
export interface Position {
  attempt: number;
  chunks: number;
  status: JobStatus;
}

export type JobEvent =
  | { name: "status"; position: Position; data: { status: JobStatus; attempt: number; text_reset: boolean } }
  | { name: "delta"; position: Position; data: { text: string; tokens: number } }
  | { name: "done"; position: Position; data: Job };

const PATTERN = new RegExp(`^(\\d{1,9})-(\\d{1,9})-(${jobStatuses.join("|")})$`);

/**
 * @param param where the client has put it
 * @throws AppError `invalid_cursor` for what is no id of an event
 */
export function parsePosition(text: string, param: string): Position {
  const [, attempt, chunks, status] = PATTERN.exec(text) ?? [];
  if (status === undefined)
    throw new AppError("invalid_cursor", `${param} must be the id of an event of this job, not "${shorten(text)}".`, { param });
  return { attempt: Number(attempt), chunks: Number(chunks), status: status as JobStatus };
}

export function positionText({ attempt, chunks, status }: Position): string {
  return `${attempt}-${chunks}-${status}`;
}

/** Whether a client at this position has everything. */
export function isAtEnd(position: Position, page: EventPage): boolean {
  return isTerminal(page.status) && positionText(position) === positionText(page);
}

/** Whether a page has the last chunk that there is. */
export function hasLast({ news, chunks }: EventPage): boolean {
  return (news.at(-1)?.k ?? chunks) === chunks;
}

/**
 * The events behind a position, up to `done`.
 * @param behind null: from event 0
 * @param page read behind that position
 */
export function eventsBehind(behind: Position | null, page: EventPage): JobEvent[] {
  const { attempt, status, news } = page;
  // Every job begins by waiting; only one that still does may be scheduled.
  const from: Position = behind ?? { attempt: 0, chunks: 0, status: status === "scheduled" ? "scheduled" : "queued" };
  const events: JobEvent[] = behind === null ? [statusEvent(from, false)] : [];
  // A client that has more than there is: Redis has lost its last writes. Or the job has begun anew behind what the client knows.
  const isReset = from.chunks > page.chunks || (from.chunks > 0 && from.attempt <= page.anewBehind);
  const before: Position = { attempt, chunks: isReset ? 0 : from.chunks, status: statusBefore(from, page) };
  if (isReset || !isSameState(before, from)) events.push(statusEvent(before, isReset));
  for (const { k, text, tokens } of news)
    events.push({ name: "delta", position: { attempt, chunks: k, status: "running" }, data: { text, tokens } });
  if (hasLast(page) && !isTerminal(status) && status !== before.status) events.push(statusEvent(page, false));
  return events;
}

/** The state to tell of before the deltas: that in which text comes. The terminal one is told by `done`. */
function statusBefore(from: Position, { attempt, chunks, status, news }: EventPage): JobStatus {
  if (news.length > 0) return "running";
  if (!isTerminal(status)) return status;
  if (from.attempt === attempt && from.chunks <= chunks) return from.status;
  return attempt === 0 ? "queued" : "running";
}

function isSameState(a: Position, b: Position): boolean {
  return a.attempt === b.attempt && a.status === b.status;
}

function statusEvent({ attempt, chunks, status }: Position, text_reset: boolean): JobEvent {
  const position = { attempt, chunks, status };
  return { name: "status", position, data: { status: position.status, attempt: position.attempt, text_reset } };
}

/** The event as it goes over the wire. JSON has no line breaks, so the data is one line. */
export function eventText({ name, position, data }: JobEvent): string {
  return `event: ${name}\nid: ${positionText(position)}\ndata: ${JSON.stringify(data)}\n\n`;
}
