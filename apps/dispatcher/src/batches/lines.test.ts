import { expect, it } from "vitest";
import { isBlank, LineTooLong, readLines } from "./lines.ts";

async function* cut(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function linesOf(text: string, size: number, options = {}) {
  const lines = [];
  for await (const { number, offset, size: length, bytes } of readLines(cut(text, size), { maxBytes: 10, ...options }))
    lines.push([number, offset, length, Buffer.from(bytes).toString()]);
  return lines;
}

it.each([1, 2, 3, 100])("cuts what comes in parts of %i bytes, with and without a last newline", async (size) => {
  const expected = [
    [1, 0, 3, "ab"],
    [2, 3, 1, ""],
    [3, 4, 4, "ü\r"],
    [4, 8, 2, "cd"],
  ];
  expect(await linesOf("ab\n\nü\r\ncd", size)).toEqual(expected);
  expect(await linesOf("ab\n\nü\r\ncd\n", size)).toEqual([...expected.slice(0, 3), [4, 8, 3, "cd"]]);
  expect(await linesOf("", size)).toEqual([]);
});

it("counts on from where a part of an input begins", async () => {
  expect(await linesOf("ab\nc", 9, { offset: 70, firstLine: 8 })).toEqual([
    [8, 70, 3, "ab"],
    [9, 73, 1, "c"],
  ]);
});

it.each([1, 4, 100])(
  "breaks off in a line that is too long, without reading it to its end, in parts of %i bytes",
  async (size) => {
    let read = 0;
    async function* counted() {
      for await (const part of cut(`ok\n${"x".repeat(1_000)}`, size)) {
        read += part.length;
        yield part;
      }
    }
    const lines = readLines(counted(), { maxBytes: 10 });
    expect((await lines.next()).value?.number).toBe(1);
    await expect(lines.next()).rejects.toThrow(LineTooLong);
    expect(read).toBeLessThanOrEqual(14 + size);
  },
);

it("takes a line of just the length that it may have", async () => {
  expect(await linesOf(`${"x".repeat(10)}\ny`, 3)).toHaveLength(2);
});

it("knows blank lines", () => {
  expect(["", " \t\r", "a", "\u00a0"].map((text) => isBlank({ bytes: Buffer.from(text) }))).toEqual([true, true, false, false]);
});
