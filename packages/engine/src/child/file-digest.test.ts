import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FilePart, fileDigest, readHead } from "./file-digest.ts";

const MIB = 1_048_576;
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llamero-digest-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function part(name: string, content: Buffer): FilePart {
  const path = join(folder, name);
  writeFileSync(path, content);
  return { path, sizeBytes: content.length };
}

const digest = async (...parts: FilePart[]) => fileDigest(await readHead(parts[0]?.path ?? ""), parts);

test("is the same for the same bytes, and another for weights that were trained on behind the same head", async () => {
  const content = Buffer.alloc(3 * MIB, 1);
  const trained = Buffer.concat([content.subarray(0, MIB), Buffer.alloc(2 * MIB, 2)]);
  const [first, copy, other] = [part("a", content), part("b", content), part("c", trained)];
  expect(await digest(copy)).toBe(await digest(first));
  expect(await digest(other)).not.toBe(await digest(first));
});

test("covers the last bytes, every part, and files that are smaller than a piece", async () => {
  const content = Buffer.alloc(2 * MIB, 1);
  const ended = Buffer.from(content);
  ended[content.length - 1] = 2;
  const [first, last] = [part("d", content), part("e", ended)];
  const small = part("f", Buffer.from("small"));
  const all = await Promise.all([digest(first), digest(last), digest(first, first), digest(first, last), digest(small)]);
  expect(new Set(all).size).toBe(all.length);
});
