import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BatchWorld, chat, chats, line, MAX_LINE, openBatchWorld, text } from "./batch-world.ts";

let world: BatchWorld;
beforeAll(async () => {
  world = await openBatchWorld();
  await world.dispatch();
});
afterAll(() => world[Symbol.asyncDispose]());

async function errorsOf(content: string | Buffer) {
  const id = await world.start(content);
  const batch = await world.ended(id, "failed");
  expect(batch).toMatchObject({ outputFileId: null, errorFileId: null, counts: { completed: 0, failed: 0 } });
  expect(await world.jobs()).toEqual([]);
  return batch.errors;
}

const [first = "", second = "", third = ""] = chats(3);
const utf16 = Buffer.from(`\ufeff${first}\n${second}\n`, "utf16le");
const latin1 = Buffer.concat([
  Buffer.from(`${first}\n`),
  Buffer.from(second.replace("say", "s\u00e4y"), "latin1"),
  Buffer.from("\n"),
]);

describe("an input", () => {
  it.each<[string, string | Buffer, { code: string; line: number | null; message?: RegExp; param?: string }]>([
    ["empty", "", { code: "empty_file", line: null }],
    ["of nothing but line ends", "\r\n\n  \n", { code: "empty_file", line: null }],
    ["that is no JSON", "hello\n", { code: "invalid_json_line", line: 1 }],
    ["that is CSV", "id,prompt\n1,hello\n", { code: "invalid_json_line", line: 1 }],
    [
      "that is a JSON array",
      `[\n${first},\n${second}\n]\n`,
      { code: "invalid_json_line", line: 1, message: /one JSON object a line/ },
    ],
    ["whose second line is cut off", `${first}\n${second.slice(0, -5)}\n`, { code: "invalid_json_line", line: 2 }],
    ["with two requests in a line", `${first}${second}\n`, { code: "invalid_json_line", line: 1 }],
    ["that is UTF-16", utf16, { code: "invalid_json_line", line: 1, message: /UTF-16/ }],
    ["that is Latin-1", latin1, { code: "invalid_json_line", line: 2, message: /not valid UTF-8/ }],
    ["with a NUL", text([first, line("r1", chat("a\0b"))]), { code: "invalid_request", line: 2, message: /NUL/ }],
    ["with the same custom_id twice", text([first, second, first]), { code: "duplicate_custom_id", line: 3, message: /"r0"/ }],
    ["with a line that is no object", text([first, "[]"]), { code: "invalid_request", line: 2 }],
    [
      "without a custom_id",
      text([first, JSON.stringify({ method: "POST", url: "/v1/chat/completions", body: chat("a") })]),
      { code: "invalid_request", line: 2, param: "custom_id" },
    ],
    ["with a GET", text([first.replace("POST", "GET")]), { code: "invalid_request", line: 1, param: "method" }],
    [
      "for another endpoint",
      text([first, line("r1", { model: "tiny", input: "a" }, "/v1/embeddings")]),
      { code: "invalid_request", line: 2, param: "url", message: /for \/v1\/embeddings/ },
    ],
    [
      "with an unknown model",
      text([first, line("r1", chat("a", { model: "none" }))]),
      { code: "model_not_found", line: 2, param: "body.model" },
    ],
    [
      "with an unknown parameter",
      text([line("r0", chat("a", { colour: "red" }))]),
      { code: "unknown_parameter", line: 1, param: "body.colour" },
    ],
    [
      "with a wrong parameter",
      text([line("r0", chat("a", { temperature: 9 }))]),
      { code: "invalid_request", line: 1, param: "body.temperature" },
    ],
    [
      "with a stream",
      text([line("r0", chat("a", { stream: true }))]),
      { code: "invalid_request", line: 1, param: "body.stream" },
    ],
    [
      "with a prompt that is too long",
      text([line("r0", chat("x".repeat(17_000)))]),
      { code: "context_length_exceeded", line: 1 },
    ],
    ["with a line that is too long", text([first, line("r1", chat("x".repeat(MAX_LINE)))]), { code: "line_too_long", line: 2 }],
  ])("%s is refused, with line and reason", async (_what, content, expected) => {
    const [error, ...others] = await errorsOf(content);
    const { message, ...named } = expected;
    expect(error).toMatchObject(named);
    if (message !== undefined) expect(error?.message).toMatch(message);
    if (expected.code !== "invalid_json_line") expect(others).toEqual([]);
  });

  it("is told all that is wrong with it, up to a hundred things", async () => {
    const wrong = text([first, "x", second, "y", third]);
    expect((await errorsOf(wrong)).map((error) => error.line)).toEqual([2, 4]);
    expect(await errorsOf("x\n".repeat(5_000))).toHaveLength(100);
  });

  it("of a gigabyte without a line end is not read to its end", async () => {
    let read = 0;
    async function* endless() {
      for (; read < 2 ** 30; read += 65_536) yield Buffer.alloc(65_536, "x");
    }
    const storage = { ...world.storage, read: endless };
    const own = await openBatchWorld();
    await own.dispatch({ storage });
    const batch = await own.ended(await own.start("x"), "failed");
    expect(batch.errors).toEqual([expect.objectContaining({ code: "line_too_long", line: 1 })]);
    expect(read).toBeLessThan(1_000_000);
    await own[Symbol.asyncDispose]();
  });
});
