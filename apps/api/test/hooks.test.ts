import { AppError } from "@llamero/core";
import type { LoadedHooks } from "@llamero/process";
import { answering } from "@llamero/testkit";
import { expect, test } from "vitest";
import { useApi } from "./harness.ts";

const seen: string[] = [];

/** Writes prompts in capitals, refuses what speaks of bluebirds, and breaks on what it is told to break on. */
const beforeAccept: LoadedHooks["beforeAccept"] = async ({ owner, model, request }) => {
  seen.push(`${owner} ${model} ${request.type}`);
  if (request.type !== "completion") return request;
  if (request.prompt.includes("bluebird")) throw new AppError("refused_by_hook", "No bluebirds.");
  if (request.prompt.includes("break")) throw new AppError("hook_failed", "The hook beforeAccept of this deployment failed.");
  return { ...request, prompt: request.prompt.toUpperCase() };
};

const harness = useApi({ hooks: { beforeAccept } });
const completion = (prompt: string) => ({ type: "completion", prompt });

test("a job is stored, and run, as the hook gave it", async () => {
  seen.length = 0;
  const job = await harness.submit(completion("hello"));
  const claim = await harness.worker.take();
  expect(claim.request).toMatchObject({ type: "completion", prompt: "HELLO" });
  expect(seen).toEqual(["local tiny completion"]);
  expect((await harness.job(job.id)).status).toBe("running");
  await harness.worker.succeed(claim);
});

test("what it refuses is answered with its message, and leaves nothing", async () => {
  const response = await harness.post("/v1/jobs", completion("a bluebird"));
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: "refused_by_hook", message: "No bluebirds." } });
  expect(await (await harness.request("/v1/jobs")).json()).toMatchObject({ data: [] });
});

test("one that fails is answered with 502, and lets nothing through", async () => {
  const response = await harness.post("/v1/jobs", completion("break"));
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({ error: { code: "hook_failed" } });
});

test("it sees what comes by other doors, and their answers are in their own forms", async () => {
  harness.worker.script = answering;
  seen.length = 0;
  const answer = await harness.post("/v1/completions", { model: "tiny", prompt: "a bluebird" });
  expect([answer.status, await answer.json()]).toMatchObject([
    400,
    { error: { code: "refused_by_hook", type: "invalid_request_error" } },
  ]);
  expect((await harness.post("/v1/embeddings", { model: "embedder", input: "x" })).status).toBe(200);
  expect(seen).toEqual(["local tiny completion", "local embedder embedding"]);
});

test("the same call again is the same job: the key is compared by what the caller sent", async () => {
  const headers = { "idempotency-key": "k1" };
  const [first, second] = [
    await harness.submit(completion("hello"), headers),
    await harness.submit(completion("hello"), headers),
  ];
  expect(second.id).toBe(first.id);
});
