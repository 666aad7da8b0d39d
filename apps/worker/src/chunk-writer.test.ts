import { AppError, type TokenChunk } from "@llamero/core";
import type { Store } from "@llamero/store";
import { afterEach, expect, test, vi } from "vitest";
import { ChunkWriter } from "./chunk-writer.ts";

type Append = Store["append"];
type Written = { k: number; chunk: TokenChunk };

function writerOver(answer: (written: Written) => ReturnType<Append>, isWatched = false, chunks = 0) {
  const enough = new AbortController();
  const written: Written[] = [];
  const heard: string[] = [];
  const append: Append = (_claim, k, chunk) => {
    written.push({ k, chunk });
    return answer({ k, chunk });
  };
  const writer = new ChunkWriter({
    store: { append },
    claim: { jobId: "job_1", fence: 1, isWatched, emitted: { chunks, tokens: [], text: "" } },
    onFollowed: () => heard.push("followed"),
    onStop: (reason) => heard.push(reason),
    onFenced: () => heard.push("fenced"),
    enough: enough.signal,
  });
  return { writer, written, heard, enough };
}

const stored = async () => ({ outcome: "appended", stop: null, isWatched: false }) as const;

afterEach(() => void vi.useRealTimers());

test("gathers what comes between two flushes into one chunk, and numbers chunks from 1", async () => {
  const { writer, written } = writerOver(stored);
  writer.add({ tokens: [1], text: "a" });
  writer.add({ tokens: [2, 3], text: "b" });
  await writer.flush();
  writer.add({ tokens: [4], text: "c" });
  await writer.flush();
  expect(written).toEqual([
    { k: 1, chunk: { tokens: [1, 2, 3], text: "ab" } },
    { k: 2, chunk: { tokens: [4], text: "c" } },
  ]);
});

test("goes on with the number behind those of earlier attempts", async () => {
  const { writer, written } = writerOver(stored, false, 4);
  writer.add({ tokens: [1], text: "a" });
  await writer.flush();
  expect(written.map(({ k }) => k)).toEqual([5]);
});

test("stores tokens at once when many wait, and those that come meanwhile as one chunk", async () => {
  const gate = Promise.withResolvers<void>();
  const { writer, written } = writerOver(async () => {
    await gate.promise;
    return stored();
  });
  const many = Array.from({ length: 23 }, (_, index) => index);
  writer.add({ tokens: many, text: "a" });
  await new Promise(setImmediate);
  expect(written).toHaveLength(0);
  for (let turn = 0; turn < 4; turn++) {
    writer.add({ tokens: [23, ...many], text: "b" });
    await new Promise(setImmediate);
  }
  expect(written.map(({ chunk }) => chunk.tokens.length)).toEqual([47]);
  gate.resolve();
  await writer.flush();
  expect(written.map(({ k, chunk }) => [k, chunk.tokens.length])).toEqual([
    [1, 47],
    [2, 72],
  ]);
});

test("stores nothing while it is paused, and everything when it goes on", async () => {
  const { writer, written } = writerOver(stored);
  for (const settle of ["resolve", "reject"] as const) {
    const pause = Promise.withResolvers<void>();
    writer.pause(pause.promise);
    writer.add({ tokens: [1], text: "a" });
    const flushed = writer.flush();
    await new Promise(setImmediate);
    const before = written.length;
    writer.add({ tokens: [2], text: "b" });
    pause[settle]();
    await flushed;
    expect(written.slice(before).map(({ chunk }) => chunk.text)).toEqual(["ab"]);
  }
});

test("writes nothing when nothing came", async () => {
  const { writer, written } = writerOver(stored);
  await writer.flush();
  expect(written).toEqual([]);
});

test("writes text that comes without a token: the end of what was held back", async () => {
  const { writer, written } = writerOver(stored);
  writer.add({ tokens: [1], text: "" });
  await writer.flush();
  writer.add({ tokens: [], text: "end" });
  await writer.flush();
  expect(written).toEqual([
    { k: 1, chunk: { tokens: [1], text: "" } },
    { k: 2, chunk: { tokens: [], text: "end" } },
  ]);
});

test("writes by itself after a while, without a flush", async () => {
  const first = Promise.withResolvers<Written>();
  const { writer } = writerOver((written) => {
    first.resolve(written);
    return stored();
  });
  writer.add({ tokens: [7], text: "x" });
  expect(await first.promise).toMatchObject({ k: 1 });
});

test("one write is under way at a time, in order", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { writer, written } = writerOver(async ({ k }) => {
    await gates[k - 1]?.promise;
    return stored();
  });
  writer.add({ tokens: [1], text: "a" });
  const first = writer.flush();
  await Promise.resolve();
  writer.add({ tokens: [2], text: "b" });
  const second = writer.flush();
  await Promise.resolve();
  expect(written.map(({ k }) => k)).toEqual([1]);
  gates[0]?.resolve();
  await first;
  gates[1]?.resolve();
  await second;
  expect(written.map(({ k }) => k)).toEqual([1, 2]);
});

test("passes a stop request on", async () => {
  const { writer, heard } = writerOver(async () => ({ outcome: "appended", stop: "deadline", isWatched: false }));
  writer.add({ tokens: [1], text: "a" });
  await writer.flush();
  expect(heard).toEqual(["deadline"]);
});

test("stops writing once it is fenced off", async () => {
  const { writer, written, heard } = writerOver(async () => ({ outcome: "fenced", last: 5 }));
  writer.add({ tokens: [1], text: "a" });
  await writer.flush();
  writer.add({ tokens: [2], text: "b" });
  await writer.flush();
  expect(heard).toEqual(["fenced"]);
  expect(written).toHaveLength(1);
});

test("takes a write that is already there for written: it was sent again after a cut connection", async () => {
  const { writer, heard } = writerOver(async ({ k }) => ({ outcome: "ordinal", last: k }));
  writer.add({ tokens: [1], text: "a" });
  await writer.flush();
  expect(heard).toEqual([]);
});

test("a failed write is told at the next flush, though the timer made it", async () => {
  const failed = Promise.withResolvers<void>();
  const { writer } = writerOver(async () => {
    failed.resolve();
    throw new AppError("internal_error", "a defect");
  });
  writer.add({ tokens: [1], text: "a" });
  await failed.promise;
  await expect(writer.flush()).rejects.toMatchObject({ code: "internal_error" });
});

test("keeps what a full Redis does not take, and stores it in order when there is room", async () => {
  vi.useFakeTimers();
  let isFull = true;
  const { writer, written } = writerOver(async () => {
    if (isFull) throw new AppError("redis_memory_full", "full");
    return stored();
  });
  writer.add({ tokens: [1], text: "a" });
  await vi.advanceTimersByTimeAsync(2_000);
  writer.add({ tokens: [2], text: "b" });
  writer.add({ tokens: [3], text: "c" });
  expect(new Set(written.map(({ k }) => k))).toEqual(new Set([1]));
  isFull = false;
  written.length = 0;
  const flushed = writer.flush();
  await vi.runAllTimersAsync();
  await flushed;
  expect(written).toEqual([
    { k: 1, chunk: { tokens: [1], text: "a" } },
    { k: 2, chunk: { tokens: [2, 3], text: "bc" } },
  ]);
});

test("waits no longer for room when the job is handed back", async () => {
  const { writer, enough } = writerOver(async () => {
    throw new AppError("redis_memory_full", "full");
  });
  writer.add({ tokens: [1], text: "a" });
  const flushed = writer.flush();
  enough.abort();
  await expect(flushed).rejects.toMatchObject({ code: "redis_memory_full" });
});

test("stores tokens every 250 ms, and every 30 while somebody follows them", async () => {
  vi.useFakeTimers({ now: 0 });
  const unwatched = writerOver(stored);
  unwatched.writer.add({ tokens: [1], text: "a" });
  await vi.advanceTimersByTimeAsync(249);
  expect(unwatched.written).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(unwatched.written).toHaveLength(1);

  const watched = writerOver(async () => ({ outcome: "appended", stop: null, isWatched: watched.written.length < 2 }), true);
  for (const [waitMs, chunks] of [
    [30, 1],
    [30, 2],
    [150, 2],
    [50, 3],
  ] as const) {
    watched.writer.add({ tokens: [1], text: "a" });
    await vi.advanceTimersByTimeAsync(waitMs);
    expect(watched.written).toHaveLength(chunks);
  }
});

test("several jobs store at the same moment, whenever their tokens came", async () => {
  vi.useFakeTimers({ now: 0 });
  const [one, other] = [writerOver(stored), writerOver(stored)];
  one.writer.add({ tokens: [1], text: "a" });
  await vi.advanceTimersByTimeAsync(200);
  other.writer.add({ tokens: [2], text: "b" });
  await vi.advanceTimersByTimeAsync(50);
  expect([one.written.length, other.written.length]).toEqual([1, 1]);
});
