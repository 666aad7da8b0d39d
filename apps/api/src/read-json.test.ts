import { AppError } from "@llamero/core";
import { describe, expect, it } from "vitest";
import { checkAnnounced, readJson } from "./read-json.ts";

const LIMIT = 100;
const json = { "content-type": "application/json" };

function request(body: string | ReadableStream | null, headers: Record<string, string> = json): Request {
  return new Request("http://localhost/", { method: "POST", headers, body, duplex: "half" } as RequestInit);
}

/** A body in chunks that counts how many of them were asked for. */
function chunks(list: Uint8Array[]): { body: ReadableStream; asked: () => number } {
  let asked = 0;
  const body = new ReadableStream(
    {
      pull: (controller) => {
        const part = list[asked++];
        if (part === undefined) controller.close();
        else controller.enqueue(part);
      },
    },
    { highWaterMark: 0 },
  );
  return { body, asked: () => asked };
}

async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  return error as AppError;
}

describe("readJson", () => {
  it("gives the value, with and without an announced length", async () => {
    expect(await readJson(request('{"a":[1,"é"]}'), LIMIT)).toEqual({ a: [1, "é"] });
    expect(await readJson(request('{"a":1}', { ...json, "content-length": "7" }), LIMIT)).toEqual({ a: 1 });
    const bytes = Buffer.from('"é"');
    const { body } = chunks([bytes.subarray(0, 2), bytes.subarray(2)]);
    expect(await readJson(request(body), LIMIT)).toBe("é");
  });

  it("takes a byte order mark for what it is", async () => {
    expect(await readJson(request('\ufeff{"a":1}'), LIMIT)).toEqual({ a: 1 });
  });

  it("refuses an announced length over the limit without touching the body", async () => {
    const { body, asked } = chunks([Buffer.alloc(1)]);
    const announced = request(body, { ...json, "content-length": String(LIMIT + 1) });
    expect(await refusal(readJson(announced, LIMIT))).toMatchObject({ code: "payload_too_large" });
    expect(asked()).toBe(0);
    expect(announced.bodyUsed).toBe(false);
  });

  it("takes a body of the limit and stops reading one beyond it", async () => {
    expect(await readJson(request(`"${"x".repeat(LIMIT - 2)}"`), LIMIT)).toHaveLength(LIMIT - 2);
    const { body, asked } = chunks(Array.from({ length: 50 }, () => Buffer.alloc(40, "1")));
    expect(await refusal(readJson(request(body), LIMIT))).toMatchObject({ code: "payload_too_large" });
    expect(asked()).toBe(3);
  });

  it("does not trust a length that is none", async () => {
    const { body } = chunks(Array.from({ length: 50 }, () => Buffer.alloc(40, "1")));
    const lying = request(body, { ...json, "content-length": "5e0" });
    expect(await refusal(readJson(lying, LIMIT))).toMatchObject({ code: "payload_too_large" });
  });

  it("says that a body broke off, and not why", async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error("socket 7 reset")) });
    const error = await refusal(readJson(request(body), LIMIT));
    expect(error.code).toBe("invalid_request");
    expect(error.message).not.toContain("socket");
  });

  it("refuses bytes that are not UTF-8, also across chunks", async () => {
    const { body } = chunks([Buffer.from('"'), Buffer.from([0xe2, 0x82]), Buffer.from('"')]);
    expect(await refusal(readJson(request(body), LIMIT))).toMatchObject({
      code: "invalid_json",
      message: expect.stringContaining("UTF-8"),
    });
  });

  it("refuses no body at all as JSON that is none", async () => {
    expect(await refusal(readJson(request(null), LIMIT))).toMatchObject({ code: "invalid_json" });
  });

  it.each(["", "text/plain", "application/jsonx", "application/json; charset=utf-16"])("refuses the type %j", async (type) => {
    expect(await refusal(readJson(request("1", { "content-type": type }), LIMIT))).toMatchObject({
      code: "unsupported_media_type",
    });
  });

  it.each(["application/json", "Application/JSON ; charset=UTF-8", "application/problem+json"])(
    "takes the type %j",
    async (type) => {
      expect(await readJson(request("1", { "content-type": type }), LIMIT)).toBe(1);
    },
  );
});

describe("checkAnnounced", () => {
  it("refuses what is announced over the limit and nothing else", () => {
    const check = (length?: string) => () =>
      checkAnnounced(new Headers(length === undefined ? {} : { "content-length": length }), LIMIT);
    for (const length of [undefined, "0", String(LIMIT), "", "abc"]) expect(check(length)).not.toThrow();
    for (const length of [String(LIMIT + 1), "9".repeat(400)]) expect(check(length)).toThrow(/larger than 100 bytes/);
  });
});
