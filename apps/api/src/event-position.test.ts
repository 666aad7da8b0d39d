import type { JobStatus } from "@llamero/core";
import type { EventPage } from "@llamero/store";
import { seededRandom } from "@llamero/testkit";
import { describe, expect, it, test } from "vitest";
import { eventsBehind, eventText, hasLast, isAtEnd, type Position, parsePosition, positionText } from "./event-position.ts";

const texts = ["Once", " upon", " a", " time"];

/** A page as the store gives it to who is behind a position. */
function page(status: JobStatus, attempt: number, chunks: number, behind: Position | null, limit = 100): EventPage {
  const from = behind !== null && behind.chunks <= chunks ? behind.chunks : 0;
  const all = texts.slice(0, chunks).map((text, index) => ({ k: index + 1, text, tokens: 1 }));
  return { status, attempt, chunks, anewBehind: 0, news: all.slice(from, from + limit) };
}

const at = (text: string) => parsePosition(text, "after");
const told = (behind: string | null, status: JobStatus, attempt: number, chunks: number) => {
  const position = behind === null ? null : at(behind);
  return eventsBehind(position, page(status, attempt, chunks, position)).map(
    (event) => positionText(event.position) + (event.name === "status" && event.data.text_reset ? " reset" : ""),
  );
};

describe("the id of an event", () => {
  it.each(["0-0-scheduled", "0-0-queued", "1-17-running", "12-0-queued", "3-250-succeeded", "1-0-failed"])("%s", (id) => {
    expect(positionText(at(id))).toBe(id);
  });

  it.each([
    "",
    "1",
    "1-2",
    "1-2-",
    "1-2-lost",
    "-1-2-running",
    "1-2-running ",
    "a-0-running",
    "1-2-3-running",
    "1234567890-1-running",
  ])("is not %j", (id) => {
    expect(() => at(id)).toThrow(expect.objectContaining({ code: "invalid_cursor", param: "after" }));
  });
});

describe("from event 0", () => {
  it.each<[JobStatus, number, number, string[]]>([
    ["scheduled", 0, 0, ["0-0-scheduled"]],
    ["queued", 0, 0, ["0-0-queued"]],
    ["running", 1, 0, ["0-0-queued", "1-0-running"]],
    ["running", 1, 2, ["0-0-queued", "1-0-running", "1-1-running", "1-2-running"]],
    ["running", 3, 1, ["0-0-queued", "3-0-running", "3-1-running"]],
    ["queued", 2, 0, ["0-0-queued", "2-0-queued"]],
    ["queued", 2, 2, ["0-0-queued", "2-0-running", "2-1-running", "2-2-running", "2-2-queued"]],
    ["succeeded", 1, 1, ["0-0-queued", "1-0-running", "1-1-running"]],
    ["cancelled", 0, 0, ["0-0-queued"]],
    ["cancelled", 1, 1, ["0-0-queued", "1-0-running", "1-1-running"]],
    ["failed", 4, 0, ["0-0-queued", "4-0-running"]],
  ])("tells a %s job of attempt %i with %i chunks", (status, attempt, chunks, events) => {
    expect(told(null, status, attempt, chunks)).toEqual(events);
  });
});

describe("behind a position", () => {
  it.each<[string, string, JobStatus, number, number, string[]]>([
    ["nothing new", "1-2-running", "running", 1, 2, []],
    ["more text", "1-1-running", "running", 1, 3, ["1-2-running", "1-3-running"]],
    ["the last text of an ended job", "1-1-running", "succeeded", 1, 2, ["1-2-running"]],
    ["only its end", "1-2-running", "succeeded", 1, 2, []],
    ["a job that became due", "0-0-scheduled", "queued", 0, 0, ["0-0-queued"]],
    ["a start", "0-0-queued", "running", 1, 1, ["1-0-running", "1-1-running"]],
    ["a hand-back", "1-2-running", "queued", 1, 2, ["1-2-queued"]],
    ["a hand-back behind text", "1-1-running", "queued", 1, 2, ["1-2-running", "1-2-queued"]],
    ["a hand-back before the first token", "1-0-running", "queued", 1, 0, ["1-0-queued"]],
    ["a resumption, seen to be waiting", "1-2-queued", "running", 2, 3, ["2-2-running", "2-3-running"]],
    ["a resumption, not seen", "1-2-running", "running", 2, 3, ["2-2-running", "2-3-running"]],
    ["a resumption without new text", "1-2-running", "running", 2, 2, ["2-2-running"]],
    ["a resumption that was handed back", "1-1-running", "queued", 2, 2, ["2-1-running", "2-2-running", "2-2-queued"]],
    ["a resumption that has ended", "1-2-running", "succeeded", 2, 3, ["2-2-running", "2-3-running"]],
    ["a resumption that ended without new text", "1-2-running", "succeeded", 2, 2, ["2-2-running"]],
    ["an end while it waited again", "1-2-queued", "cancelled", 1, 2, []],
    ["an end while it waited again, not seen", "1-2-running", "cancelled", 1, 2, []],
    ["an end behind a reset", "1-3-running", "failed", 1, 0, ["1-0-running reset"]],
    ["text that is gone", "1-3-running", "running", 1, 2, ["1-0-running reset", "1-1-running", "1-2-running"]],
    ["text that is gone, all of it", "1-3-running", "running", 1, 0, ["1-0-running reset"]],
    ["an attempt that never was", "7-1-running", "running", 1, 2, ["1-1-running", "1-2-running"]],
  ])("tells of %s", (_what, behind, status, attempt, chunks, events) => {
    expect(told(behind, status, attempt, chunks)).toEqual(events);
  });

  it("is at the end only behind `done`", () => {
    expect(isAtEnd(at("1-2-succeeded"), page("succeeded", 1, 2, null))).toBe(true);
    for (const id of ["1-2-running", "1-1-succeeded", "1-2-failed", "2-2-succeeded"])
      expect(isAtEnd(at(id), page("succeeded", 1, 2, null))).toBe(false);
    expect(isAtEnd(at("1-2-running"), page("running", 1, 2, null))).toBe(false);
  });

  it("knows whether a page has the last chunk", () => {
    expect(hasLast(page("running", 1, 3, null, 2))).toBe(false);
    expect(hasLast(page("running", 1, 3, at("1-2-running"), 2))).toBe(true);
    expect(hasLast(page("running", 1, 3, at("1-3-running"), 2))).toBe(true);
    expect(hasLast(page("queued", 0, 0, null))).toBe(true);
  });
});

test("an event is three lines and an empty one, whatever the text", () => {
  const data = { text: "a\nb\r\n\u2028", tokens: 2 };
  const [event, id, line, ...rest] = eventText({ name: "delta", position: at("1-2-running"), data }).split("\n");
  expect([event, id, rest]).toEqual(["event: delta", "id: 1-2-running", ["", ""]]);
  expect(JSON.parse(line?.slice("data: ".length) ?? "")).toEqual(data);
});

/** Moves a job on by a step that is legal, or not at all when it has ended. */
function moveOn(job: { status: JobStatus; attempt: number; chunks: number }, random: ReturnType<typeof seededRandom>): void {
  if (job.status === "queued") Object.assign(job, { status: "running", attempt: job.attempt + 1 });
  else if (job.status !== "running") return;
  else if (job.chunks < texts.length && random.chance(0.8)) job.chunks += 1;
  else if (random.chance(0.3)) job.attempt += 1;
  else if (random.chance(0.5)) job.status = "queued";
  else job.status = "succeeded";
}

test("whoever looks now and then, through any attempts, has the job's text at its end", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seededRandom(seed);
    const job: { status: JobStatus; attempt: number; chunks: number } = { status: "queued", attempt: 0, chunks: 0 };
    let position: Position | null = null;
    let text = "";
    const look = () => {
      const seen = page(job.status, job.attempt, job.chunks, position, 1 + random.below(3));
      for (const event of eventsBehind(position, seen)) {
        expect(event.name === "status" && event.data.text_reset, `seed ${seed}`).toBe(false);
        if (event.name === "delta") text += event.data.text;
        position = event.position;
      }
      return hasLast(seen);
    };
    while (job.status !== "succeeded") {
      moveOn(job, random);
      if (random.chance(0.5)) look();
    }
    while (!look());
    expect(text, `seed ${seed}`).toBe(texts.slice(0, job.chunks).join(""));
  }
});
