import { expect, test } from "vitest";
import { mergeStreams } from "./merge-streams.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A stream that gives what it is told to, when it is told to. */
function fed() {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    start: (own) => {
      controller = own;
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  return {
    stream,
    give: (text: string) => controller?.enqueue(bytes(text)),
    end: () => controller?.close(),
    get isCancelled() {
      return isCancelled;
    },
  };
}

const nothing = { onEnd: async () => "", onCancel: async () => {} };

test("gives the pieces of all streams as they come, and what stands behind everything", async () => {
  const [a, b] = [fed(), fed()];
  const reader = mergeStreams([a.stream, b.stream], { ...nothing, onEnd: async () => "end" }).getReader();
  const next = async () => new TextDecoder().decode((await reader.read()).value);
  a.give("a1");
  expect(await next()).toBe("a1");
  b.give("b1");
  expect(await next()).toBe("b1");
  a.end();
  b.give("b2");
  expect(await next()).toBe("b2");
  b.end();
  expect(await next()).toBe("end");
  expect((await reader.read()).done).toBe(true);
});

test("a reader that goes away cancels every stream that has not ended, and is told of", async () => {
  const [a, b] = [fed(), fed()];
  let isTold = false;
  const merged = mergeStreams([a.stream, b.stream], {
    ...nothing,
    onCancel: async () => {
      isTold = true;
    },
  });
  const reader = merged.getReader();
  a.give("a1");
  await reader.read();
  await reader.cancel();
  expect([a.isCancelled, b.isCancelled, isTold]).toEqual([true, true, true]);
});

test("no streams at all end at once", async () => {
  expect((await mergeStreams([], nothing).getReader().read()).done).toBe(true);
});
