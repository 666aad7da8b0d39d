import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeRandomLora } from "../../../bench/models/random-lora.ts";
import { Deployment } from "./deployment.ts";

const base = "models/tiny/tiny.gguf";
let folder: string;
let adapter: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-adapters-"));
  adapter = join(folder, "legal.gguf");
  await writeRandomLora(adapter, { architecture: "llama", layers: 5, width: 192, strength: 2 }, 1);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const job = (model: string) => ({
  model,
  prompt: "Write a short story about a llama.",
  params: { max_tokens: 20, ignore_eos: true },
});

test("jobs of a variant run on the workers that have it, among those of its base, and say what they say alone", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "2" });
  const [api, varied] = await Promise.all([
    deployment.startApi(),
    deployment.start("worker", { LLAMERO_MODELS: `${base}+legal=${adapter}` }),
    deployment.start("worker", { LLAMERO_MODELS: base }),
  ]);
  expect(varied.ready.models).toMatchObject([{ name: "tiny" }, { name: "legal", base: "tiny" }]);
  expect(await api.call("GET", "/v1/models")).toMatchObject({
    body: {
      data: [
        { id: "tiny", base: null, slots: 4, is_default: true },
        { id: "legal", base: "tiny", status: "ready", is_default: false },
      ],
    },
  });
  const alone = new Map<string, unknown>();
  for (const model of ["tiny", "legal"]) alone.set(model, (await api.ended((await api.submit(job(model))).id)).output);
  expect(alone.get("legal")).not.toEqual(alone.get("tiny"));

  const jobs = await Promise.all(Array.from({ length: 24 }, (_, index) => api.submit(job(index % 3 === 0 ? "legal" : "tiny"))));
  const ended = await Promise.all(jobs.map(({ id }) => api.ended(id)));
  expect(ended.map(({ status, model, output }) => ({ status, model, output }))).toEqual(
    jobs.map(({ model }) => ({ status: "succeeded", model, output: alone.get(model) })),
  );
  const list = (await api.call("GET", "/v1/jobs?model=legal&limit=100")).body as { data: { model: string }[] };
  expect(list.data.map(({ model }) => model)).toEqual(Array.from({ length: 9 }, () => "legal"));
});
