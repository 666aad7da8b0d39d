import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BadRequestError, ConflictError, NotFoundError, toFile } from "openai";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { refusal, useOpenAi, withKey } from "./openai-harness.ts";

const folder = await mkdtemp(join(tmpdir(), "llamero-files-"));
const MOST = 200_000;
const harness = useOpenAi({ folder, maxFileBytes: MOST });
const objects = () => readdir(join(folder, "files", "files")).catch((): string[] => []);
const unfinished = () => readdir(join(folder, "files", ".unfinished"));
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => rm(join(folder, "files", "files"), { recursive: true, force: true }));

const upload = async (text: string, over: object = {}, headers: Record<string, string> = {}) =>
  harness.client.files.create({ file: await toFile(Buffer.from(text), "input.jsonl"), purpose: "batch", ...over }, { headers });

describe("a file", () => {
  it("is uploaded, read, and deleted", async () => {
    const file = await upload("one\ntwo\n");
    expect(file).toMatchObject({ object: "file", bytes: 8, filename: "input.jsonl", purpose: "batch", status: "processed" });
    expect(file.id).toMatch(/^file_[0-9a-z]{26}$/);
    expect(await harness.client.files.retrieve(file.id)).toEqual(file);
    const content = await harness.client.files.content(file.id);
    expect(content.headers.get("content-length")).toBe("8");
    expect(await content.text()).toBe("one\ntwo\n");
    const head = await fetch(`${harness.baseURL}/files/${file.id}/content`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "8", ""]);
    expect(await harness.client.files.waitForProcessing(file.id)).toEqual(file);
    expect(await harness.client.files.delete(file.id)).toEqual({ id: file.id, object: "file", deleted: true });
    expect(await refusal(harness.client.files.retrieve(file.id))).toBeInstanceOf(NotFoundError);
    expect(await refusal(harness.client.files.content(file.id))).toBeInstanceOf(NotFoundError);
  });

  it("may be empty, and as large as the limit", async () => {
    expect(await upload("")).toMatchObject({ bytes: 0 });
    const text = "x".repeat(MOST);
    const { id, bytes } = await upload(text);
    expect(bytes).toBe(MOST);
    expect(await (await harness.client.files.content(id)).text()).toBe(text);
  });

  it("expires when it is to", async () => {
    const file = await upload("x", { expires_after: { anchor: "created_at", seconds: 3_600 } });
    expect(file.expires_at).toBe(file.created_at + 3_600);
  });

  it("is another owner's to nobody", async () => {
    const { id } = await upload("x");
    const bob = await withKey(harness, "bob");
    for (const call of ["retrieve", "content", "delete"] as const)
      expect(await refusal(bob.files[call](id))).toBeInstanceOf(NotFoundError);
    expect((await bob.files.list()).data).toEqual([]);
  });

  it("is the same one for the same Idempotency-Key, and its content is stored once", async () => {
    const headers = { "idempotency-key": "k1" };
    const first = await upload("one", {}, headers);
    expect(await upload("one", {}, headers)).toEqual(first);
    expect(await refusal(upload("two", {}, headers))).toBeInstanceOf(ConflictError);
    expect((await harness.client.files.list()).data).toHaveLength(1);
    const left = await harness.api.store.files.removals(10);
    expect(left.map(({ objects: [name] }) => name?.replace("files/", "")).toSorted()).toEqual(
      (await objects()).filter((name) => name !== first.id).toSorted(),
    );
  });
});

describe("the list of files", () => {
  it("is gone through by the client by itself, in both orders, by purpose", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await upload(`${i}`, { purpose: i % 2 === 0 ? "batch" : "user_data" })).id);
    const all = async (query: object) => {
      const found: string[] = [];
      for await (const { id } of harness.client.files.list({ limit: 2, ...query })) found.push(id);
      return found;
    };
    expect(await all({})).toEqual(ids.toReversed());
    expect(await all({ order: "asc" })).toEqual(ids);
    expect(await all({ order: "asc", purpose: "batch" })).toEqual([ids[0], ids[2], ids[4]]);
    expect(await refusal(harness.client.files.list({ after: "4" }))).toMatchObject({ code: "invalid_cursor" });
  });
});

describe("an upload", () => {
  it.each([
    [{ purpose: "fine-tune" }, "purpose"],
    [{ purpose: undefined }, "purpose"],
    [{ expires_after: { anchor: "created_at", seconds: 60 } }, "expires_after[seconds]"],
    [{ expires_after: { anchor: "later", seconds: 3_600 } }, "expires_after[anchor]"],
    [{ colour: "red" }, "colour"],
  ])("with %j is refused by name", async (over, param) => {
    const error = await refusal(upload("x", over));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.param).toBe(param);
  });

  it("that is too large is broken off, and nothing of it is left", async () => {
    const error = await refusal(upload("x".repeat(MOST + 1)));
    expect(error).toMatchObject({ status: 413, code: "payload_too_large" });
    expect([await objects(), await unfinished()]).toEqual([[], []]);
  });

  it.each([
    ["no form", "text/plain", "x", 415],
    ["no boundary", "multipart/form-data", "x", 415],
    ["no parts", "multipart/form-data; boundary=b", "", 400],
    [
      "no end",
      "multipart/form-data; boundary=b",
      '--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nabc',
      400,
    ],
    [
      "no file",
      "multipart/form-data; boundary=b",
      '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--\r\n',
      400,
    ],
    [
      "two files",
      "multipart/form-data; boundary=b",
      `${'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n'.repeat(2)}--b--\r\n`,
      400,
    ],
    [
      "another name",
      "multipart/form-data; boundary=b",
      '--b\r\ncontent-disposition: form-data; name="data"; filename="f"\r\n\r\nabc\r\n--b--\r\n',
      400,
    ],
  ])("with %s is refused", async (_what, type, body, status) => {
    const answer = await harness.api.request("/v1/files", { method: "POST", headers: { "content-type": type }, body });
    expect(await errorOf(answer)).toMatchObject({ status });
    expect(await unfinished()).toEqual([]);
  });

  it("whose client goes away leaves nothing that is not removed", async () => {
    const gone = new AbortController();
    const parts = ['--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n', "x".repeat(10_000)];
    const body = new ReadableStream({
      async pull(controller) {
        const part = parts.shift();
        if (part !== undefined) return controller.enqueue(Buffer.from(part));
        // What was sent has arrived when its object is begun.
        while ((await unfinished()).length === 0);
        gone.abort();
      },
    });
    const asked = fetch(`${harness.baseURL}/files`, {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=b" },
      body,
      duplex: "half",
      signal: gone.signal,
    } as RequestInit);
    await expect(asked).rejects.toThrow();
    await expect.poll(unfinished).toEqual([]);
    expect(await objects()).toEqual([]);
  });
});

describe("a storage that does not take anything", () => {
  const away = useOpenAi({ folder: "/dev/null" });
  it("fails the upload, with advice, and nothing else", async () => {
    const file = await toFile(Buffer.from("x"), "input.jsonl");
    const error = await refusal(away.client.files.create({ file, purpose: "batch" }));
    expect(error).toMatchObject({ status: 503, code: "storage_unavailable" });
    expect(error.message).toContain("try again");
    expect((await away.client.files.list()).data).toEqual([]);
    expect((await away.client.models.list()).data.length).toBeGreaterThan(0);
  });
});
