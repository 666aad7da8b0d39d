import { expect, test } from "vitest";
import { Deployment, decoding, longJob } from "./deployment.ts";
import { follow } from "./follow-events.ts";

const LLAMERO_HOOKS = new URL("../../../docs/examples/redact.ts", import.meta.url).pathname;

async function open(env: Record<string, string> = {}) {
  const deployment = await Deployment.open({ LLAMERO_HOOKS, LLAMERO_SLOTS: "2", ...env });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker"), deployment.start("dispatcher")]);
  return { deployment, api };
}

test("the example: addresses reach neither the model nor the caller, and what speaks of the project is refused", async () => {
  const { deployment, api } = await open();
  await using _ = deployment;
  const prompt = "Classify the sentiment: ada@example.org loves it.";
  const job = await api.ended((await api.submit({ prompt })).id);
  expect(job.status).toBe("succeeded");
  expect(job.usage?.prompt_tokens).toBe(
    (await api.ended((await api.submit({ prompt: prompt.replace("ada@example.org", "[e-mail]") })).id)).usage?.prompt_tokens,
  );
  const refused = await api.call("POST", "/v1/jobs", { prompt: "What is Project Bluebird?" });
  expect(refused).toMatchObject({
    status: 400,
    body: { error: { code: "refused_by_hook", message: expect.stringContaining("Bluebird") } },
  });
});

test("a text goes out as a whole at its end, and a job that loses its worker begins anew", async () => {
  const { deployment, api } = await open({ LLAMERO_SLOTS: "1" });
  await using _ = deployment;
  const job = await api.submit(longJob);
  await api.until(job.id, ({ status }) => status === "running");
  const following = follow(`${api.process.ready.url}/v1/jobs/${job.id}/events`);
  const { workerPid } = await deployment.stored(job.id);
  process.kill(workerPid, "SIGKILL");
  await deployment.start("worker");
  const ended = await api.ended(job.id);
  expect(ended).toMatchObject({ status: "succeeded", attempts: 2, resumed_from: null });
  const { events, follower } = await following;
  expect(events.filter(({ event }) => event === "delta")).toHaveLength(1);
  expect(follower.text).toBe((ended.output as { text: string }).text);
});

test("without hooks the same text goes out as it is made", async () => {
  await using deployment = await Deployment.open({ LLAMERO_SLOTS: "1" });
  const [api] = await Promise.all([deployment.startApi(), deployment.start("worker")]);
  const job = await api.submit(longJob);
  await api.until(job.id, decoding(1));
  await api.call("POST", `/v1/jobs/${job.id}/cancel`);
});

test("a module that cannot be loaded stops every process at its start, with the reason", async () => {
  await using deployment = await Deployment.open({ LLAMERO_HOOKS: "/nowhere/hooks.ts" });
  for (const kind of ["api", "worker", "dispatcher"] as const)
    await expect(deployment.start(kind)).rejects.toThrow("LLAMERO_HOOKS=/nowhere/hooks.ts");
});
