import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseModelSource, partPaths } from "./model-source.ts";

let folder = "";
const file = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llamero-models-"));
  const names = [
    "one.gguf",
    "two.Q4_K_M.GGUF",
    "big-00001-of-00002.gguf",
    "big-00002-of-00002.gguf",
    "mmproj-one.gguf",
    "notes.txt",
  ];
  for (const name of names) writeFileSync(file(name), "GGUF");
  writeFileSync(file("lone-00001-of-00003.gguf.part"), "");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("names a file without its ending", async () => {
  expect(await parseModelSource(file("one.gguf"))).toEqual([{ kind: "file", name: "one", path: file("one.gguf") }]);
});

test("takes an alias", async () => {
  expect(await parseModelSource(`chat=${file("one.gguf")}`)).toMatchObject([{ name: "chat", path: file("one.gguf") }]);
  expect(await parseModelSource("q=hf:owner/repo:Q4_K_M")).toEqual([{ kind: "hf", name: "q", uri: "hf:owner/repo:Q4_K_M" }]);
});

test("names an hf model by its spec", async () => {
  expect(await parseModelSource("hf:owner/repo:Q8_0")).toMatchObject([{ name: "hf:owner/repo:Q8_0" }]);
});

test("takes every model of a folder, split files once, projectors never", async () => {
  const sources = await parseModelSource(folder);
  expect(sources.map((source) => source.name)).toEqual(["big", "one", "two.Q4_K_M"]);
});

test("starts a split model from its first part, whichever is named", async () => {
  expect(await parseModelSource(file("big-00002-of-00002.gguf"))).toMatchObject([
    { name: "big", path: file("big-00001-of-00002.gguf") },
  ]);
});

test("says which part of a split model is missing", async () => {
  writeFileSync(file("gap-00001-of-00002.gguf"), "GGUF");
  const parsing = parseModelSource(file("gap-00001-of-00002.gguf"));
  await expect(parsing).rejects.toMatchObject({
    code: "model_file_invalid",
    message: expect.stringContaining("gap-00002-of-00002"),
  });
  rmSync(file("gap-00001-of-00002.gguf"));
});

test.each([
  ["/no/such/model.gguf", "model_file_invalid", "There is no model file at /no/such/model.gguf"],
  ["hf:owner", "config_invalid", "hf:owner/repo"],
])("refuses %s", async (spec, code, message) => {
  await expect(parseModelSource(spec)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
});

test("refuses one name for several models", async () => {
  await expect(parseModelSource(`all=${folder}`)).rejects.toMatchObject({ code: "config_invalid" });
});

test("takes adapters on a model, each with a name and a scale", async () => {
  const [one, two] = [file("one.gguf"), file("two.Q4_K_M.GGUF")];
  expect(await parseModelSource(`base=${one}+legal=${two}+mild=${two}@0.5+inverse=hf:owner/repo/lora.gguf@-1`)).toEqual([
    {
      kind: "file",
      name: "base",
      path: one,
      adapters: [
        { kind: "file", name: "legal", path: two, scale: 1 },
        { kind: "file", name: "mild", path: two, scale: 0.5 },
        { kind: "hf", name: "inverse", uri: "hf:owner/repo/lora.gguf", scale: -1 },
      ],
    },
  ]);
});

test("looks for ~/ at home, which a shell does not do within quotes", async () => {
  const at = `${homedir()}/no-such-model.gguf`;
  await expect(parseModelSource("m=~/no-such-model.gguf")).rejects.toMatchObject({ message: expect.stringContaining(at) });
});

test("takes a plus sign in a path for what it is", async () => {
  writeFileSync(file("a+b.gguf"), "GGUF");
  expect(await parseModelSource(`${file("a+b.gguf")}+x=${file("one.gguf")}`)).toMatchObject([
    { name: "a+b", adapters: [{ name: "x" }] },
  ]);
  rmSync(file("a+b.gguf"));
});

test.each([
  [() => `${folder}+x=${file("one.gguf")}`, "Adapters need one base"],
  [() => `${file("one.gguf")}+x=${folder}`, "cannot name the"],
  [() => `${file("one.gguf")}+x=/no/such.gguf`, "There is no model file at /no/such.gguf"],
])("refuses adapters without one base and one file each", async (spec, message) => {
  await expect(parseModelSource(spec())).rejects.toMatchObject({ message: expect.stringContaining(message) });
});

test("lists all parts of a split model", () => {
  expect(partPaths("/m/x-00002-of-00003.gguf")).toEqual(["1", "2", "3"].map((n) => `/m/x-0000${n}-of-00003.gguf`));
});
