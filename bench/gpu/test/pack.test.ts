import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parsePackSettings, runPack } from "../pack.ts";
import { packedFiles } from "../packed-files.ts";
import { writeParts } from "../parts.ts";

const run = promisify(execFile);
const repository = join(import.meta.dirname, "..", "..", "..");
const script = join(import.meta.dirname, "..", "unpack-and-run.sh");

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-pack-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("parts are of the size asked for, and put together are what was cut", async () => {
  const chunks = ["abc", "", "defghij", "k"].map((text) => Buffer.from(text));
  const parts = await writeParts(Readable.from(chunks), { folder, name: "a.tar.gz", partBytes: 4 });
  expect(parts.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
    ["a.tar.gz.000", 4],
    ["a.tar.gz.001", 4],
    ["a.tar.gz.002", 3],
  ]);
  const { stdout } = await run("sh", ["-c", "sha256sum --check --quiet a.tar.gz.sha256 && cat a.tar.gz.[0-9]*"], { cwd: folder });
  expect(stdout).toBe("abcdefghijk");
});

test("parts of an earlier archive are not left beside those of the new one", async () => {
  const options = { folder, name: "a.tar.gz", partBytes: 2 };
  await writeFile(join(folder, "a.tar.gz.txt"), "of someone else");
  await writeParts(Readable.from([Buffer.from("abcdef")]), options);
  await writeParts(Readable.from([Buffer.from("gh")]), options);
  expect((await readdir(folder)).sort()).toEqual(["a.tar.gz.000", "a.tar.gz.sha256", "a.tar.gz.txt"]);
});

test("packs what runs, and neither prebuilt libraries nor what only development needs", async () => {
  const files = await packedFiles(repository);
  const named = ["package.json", "node_modules/zod", "node_modules/node/bin/node", "node_modules/node-api-headers"];
  expect(files).toEqual(expect.arrayContaining([...named, "node_modules/node-llama-cpp/llama/CMakeLists.txt"]));
  expect(files).toContain("node_modules/@llamero/engine");
  expect(files.filter((path) => /@node-llama-cpp|vitest$|typescript|biome$|gitRelease|\.data/.test(path))).toEqual([]);
});

test("what is packed is enough to start the benchmark with", async () => {
  const list = join(folder, "files");
  const tree = join(folder, "tree");
  await mkdir(tree);
  await writeFile(list, (await packedFiles(repository)).join("\0"));
  await run("sh", ["-c", 'tar -cf - --null -T "$1" | tar -xf - -C "$2"', "sh", list, tree], { cwd: repository });
  const node = join(tree, "node_modules", "node", "bin", "node");
  const failure = await run(node, ["bench/bench.ts", "gpu", "--fly"], { cwd: tree }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 2, stdout: expect.stringContaining("Usage: npm run bench -- gpu"), stderr: "" });
});

/** An archive whose Node is a script that says its version. */
async function packSmall(parts: string, commit: string, partBytes: number): Promise<string[]> {
  const tree = join(folder, "tree");
  const node = join(tree, "node_modules", "node", "bin", "node");
  await mkdir(join(node, ".."), { recursive: true });
  await writeFile(node, "#!/bin/sh\necho v24.0.0\n");
  await chmod(node, 0o755);
  await writeFile(join(tree, "COMMIT"), commit);
  const { stdout } = await run("tar", ["-czf", "-", "-C", tree, "."], { encoding: "buffer" });
  const written = await writeParts(Readable.from([stdout]), { folder: parts, name: "llamero-gpu.tar.gz", partBytes });
  return written.map(({ name }) => name);
}

test("the script gathers parts over several calls, refuses what is incomplete and unpacks once", async () => {
  const [parts, work] = [join(folder, "parts"), join(folder, "work")];
  const names = await packSmall(parts, "0123abc", 64);
  expect(names.length).toBeGreaterThan(2);
  const last = names.at(-1) ?? "";
  const unpack = () => run("sh", [script, "unpack", "--parts", parts, "--work", work]);

  await rename(join(parts, last), join(folder, last));
  await expect(unpack()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("missing or damaged") });

  for (const name of names.slice(0, -1)) await rm(join(parts, name));
  await rename(join(folder, last), join(parts, last));
  await unpack();
  expect(await readFile(join(work, "llamero", "COMMIT"), "utf8")).toBe("0123abc");

  await writeFile(join(work, "llamero", "COMMIT"), "kept");
  await unpack();
  expect(await readFile(join(work, "llamero", "COMMIT"), "utf8")).toBe("kept");

  expect(await packSmall(parts, "456def", 4_096)).toHaveLength(1);
  await unpack();
  expect(await readFile(join(work, "llamero", "COMMIT"), "utf8")).toBe("456def");
});

test.each([
  [[], 2, "Usage: sh unpack-and-run.sh"],
  [["fly"], 2, "Usage: sh unpack-and-run.sh"],
  [["build", "--gpu", "metal"], 2, "Usage: sh unpack-and-run.sh"],
  [["build"], 1, "begin with the step unpack"],
  [["run"], 1, "begin with the step build"],
])("the script explains itself for the arguments %j", async (args, code, text) => {
  const failure = await run("sh", [script, ...args], { cwd: folder }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code });
  expect(JSON.stringify(failure)).toContain(text);
});

test.each([[[]], [["--out"]], [["--out", "a", "--part-mib", "0"]], [["--out", "a", "more"]]])(
  "packing explains itself for the arguments %j",
  async (args) => {
    const lines: string[] = [];
    expect(await runPack(args, (line) => lines.push(line))).toBe(2);
    expect(lines.join("\n")).toContain("Usage: npm run bench -- gpu-pack");
  },
);

test("packs for xz and 60 MiB unless told otherwise", () => {
  expect(parsePackSettings(["--out", "a"])).toEqual({ out: "a", partBytes: 60 * 2 ** 20, compression: "xz" });
  expect(parsePackSettings(["--out", "a", "--part-mib", "8", "--gzip"])).toMatchObject({ partBytes: 2 ** 23, compression: "gz" });
});
