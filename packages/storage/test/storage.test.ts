import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { AppError } from "@llamero/core";
import S3rver from "s3rver";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openStorage, type Storage } from "../src/index.ts";

const folder = await mkdtemp(join(tmpdir(), "llamero-storage-"));
afterAll(() => rm(folder, { recursive: true }));

async function* parts(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

/** So many bytes that S3 takes them in several parts. */
async function* large(mebibytes: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < mebibytes; i++) yield Buffer.alloc(1_048_576, i);
}

async function textOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const read: Uint8Array[] = [];
  for await (const part of source) read.push(part);
  return Buffer.concat(read).toString();
}

const refusal = (asked: Promise<unknown>) =>
  asked.then(
    () => "nothing",
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );

interface Kind {
  open(): Promise<Storage>;
  close(): Promise<void>;
}

const inFolder: Kind = {
  open: () => openStorage({ LLAMERO_STORAGE: join(folder, "objects"), DATA_DIR: "" }),
  close: async () => {},
};

const server = new S3rver({
  port: 0,
  address: "127.0.0.1",
  silent: true,
  directory: join(folder, "s3"),
  configureBuckets: [{ name: "bucket", configs: [] }],
});
const credentials = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" };
const before = { ...process.env };
const inS3: Kind = {
  open: async () => {
    const { port } = await server.run();
    Object.assign(process.env, credentials, { AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` });
    return openStorage({ LLAMERO_STORAGE: "s3://bucket/some/folder", DATA_DIR: "" }, process.env);
  },
  close: async () => {
    await server.close();
    for (const name of [...Object.keys(credentials), "AWS_ENDPOINT_URL_S3"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  },
};

describe.each([
  ["a folder", inFolder],
  ["an S3-compatible server", inS3],
])("storage in %s", (_name, kind) => {
  let storage: Storage;
  beforeAll(async () => {
    storage = await kind.open();
  });
  afterEach(() => storage.remove(["files/a", "files/b"]));
  afterAll(async () => {
    storage.close();
    await kind.close();
  });

  it("gives back what was written, all of it and in parts", async () => {
    expect(await storage.write("files/a", parts("Hello ", "world"))).toBe(11);
    expect(await textOf(storage.read("files/a"))).toBe("Hello world");
    expect(await textOf(storage.read("files/a", { start: 6, end: 9 }))).toBe("wor");
    expect(await textOf(storage.read("files/a", { start: 6, end: 6 }))).toBe("");
  });

  it("takes empty objects, and large ones", async () => {
    expect(await storage.write("files/a", parts())).toBe(0);
    expect(await textOf(storage.read("files/a"))).toBe("");
    expect(await storage.write("files/b", large(20))).toBe(20 * 1_048_576);
    const last = { start: 19 * 1_048_576, end: 19 * 1_048_576 + 4 };
    expect(await textOf(storage.read("files/b", last))).toBe("\u0013".repeat(4));
  });

  it("replaces as a whole, and keeps what was there when a source breaks off", async () => {
    await storage.write("files/a", parts("one"));
    async function* broken() {
      yield Buffer.from("tw");
      throw new AppError("invalid_request", "The connection ended before the body was complete.");
    }
    expect(await refusal(storage.write("files/a", broken()))).toBe("invalid_request");
    expect(await textOf(storage.read("files/a"))).toBe("one");
    await storage.write("files/a", parts("three"));
    expect(await textOf(storage.read("files/a"))).toBe("three");
  });

  it("says that what was removed, or never was, is missing", async () => {
    await storage.write("files/a", parts("one"));
    await storage.remove(["files/a", "files/none"]);
    expect(await refusal(textOf(storage.read("files/a")))).toBe("storage_object_missing");
  });

  it("takes no names that lead elsewhere", async () => {
    for (const name of ["../a", "files/../../a", "/a", "files//a", ".unfinished/a", ""])
      await expect(storage.write(name, parts("x"))).rejects.toThrow("not the name");
  });
});

describe("a folder", () => {
  it("has nothing left of what was broken off, nor of processes that died a day ago", async () => {
    const root = join(folder, "stale");
    const storage = await openStorage({ LLAMERO_STORAGE: root, DATA_DIR: "" });
    await storage.write("files/a", parts("x"));
    const left = join(root, ".unfinished", "left");
    await writeFile(left, "x");
    await utimes(left, 1, 1);
    const next = await openStorage({ LLAMERO_STORAGE: root, DATA_DIR: "" });
    await next.write("files/b", parts("x"));
    expect(await readdir(join(root, ".unfinished"))).toEqual([]);
  });

  it("that cannot be written to is unavailable", async () => {
    await writeFile(join(folder, "file"), "x");
    const storage = await openStorage({ LLAMERO_STORAGE: join(folder, "file"), DATA_DIR: "" });
    expect(await refusal(storage.write("files/a", parts("x")))).toBe("storage_unavailable");
  });

  it("without room says so, and nothing is left", async () => {
    const root = join(folder, "full");
    const script = join(import.meta.dirname, "write-much.ts");
    // The system refuses files of more than a mebibyte, as it does what no disk can take.
    const limited = `ulimit -f 1024; exec "${process.execPath}" "${script}" "${root}"`;
    expect((await promisify(execFile)("bash", ["-c", limited])).stdout).toBe("storage_full");
    expect(await readdir(join(root, ".unfinished"))).toEqual([]);
  });
});

describe("an S3-compatible server that is away", () => {
  it("is unavailable", async () => {
    Object.assign(process.env, credentials, { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9", AWS_MAX_ATTEMPTS: "1" });
    const storage = await openStorage({ LLAMERO_STORAGE: "s3://bucket", DATA_DIR: "" }, process.env);
    expect(await refusal(storage.write("files/a", parts("x")))).toBe("storage_unavailable");
    expect(await refusal(textOf(storage.read("files/a")))).toBe("storage_unavailable");
    storage.close();
    for (const name of [...Object.keys(credentials), "AWS_ENDPOINT_URL_S3", "AWS_MAX_ATTEMPTS"]) delete process.env[name];
  });
});
