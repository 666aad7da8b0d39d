import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GrpcClient, type GrpcEvent, readAll } from "../../api/test/grpc-client.ts";
import { Deployment, longJob, sentiment } from "./deployment.ts";

const run = promisify(execFile);
const root = new URL("../../../", import.meta.url).pathname;

let deployment: Deployment;
let clients: GrpcClient[];
let address: string;

beforeAll(async () => {
  deployment = await Deployment.open({ LLAMERO_GRPC_PORT: "0", LLAMERO_SLOTS: "2" });
  const [first, second] = await Promise.all([deployment.startApi(), deployment.startApi(), deployment.start("worker")]);
  const urls = [first, second].map(({ process }) => process.ready.grpc_url ?? expect.fail("no gRPC"));
  clients = urls.map((url) => new GrpcClient(url));
  address = new URL(urls[0] ?? "").host;
});

afterAll(async () => {
  for (const client of clients) client.close();
  await deployment[Symbol.asyncDispose]();
});

const textOf = (events: readonly GrpcEvent[]) => events.map(({ delta }) => delta?.text ?? "").join("");
const told = (events: readonly GrpcEvent[]) => events.filter(({ event }) => event !== undefined);

function both(): [GrpcClient, GrpcClient] {
  const [first, second] = clients;
  return first !== undefined && second !== undefined ? [first, second] : expect.fail("no clients");
}

test("a stock client submits, watches the tokens to the end, and goes on from a cursor at another API", async () => {
  const [first, second] = both();
  const { id } = await first.call("Submit", { ...longJob, params: { max_tokens: 60, ignore_eos: true } });
  const { messages, error } = await readAll(first.stream<GrpcEvent>("Watch", { id }));
  expect(error).toBeNull();
  const job = await second.call("Get", { id });
  expect(job).toMatchObject({
    status: "JOB_STATUS_SUCCEEDED",
    usage: { completion_tokens: 60 },
    output: { text: textOf(messages) },
  });
  expect(messages.at(-1)).toMatchObject({ event: "done", done: job });
  const events = told(messages);
  for (const [index, { cursor }] of events.entries()) {
    const rest = await readAll(second.stream<GrpcEvent>("Watch", { id, cursor }));
    expect(rest).toEqual({ messages: events.slice(index + 1), error: null });
  }
});

test("a stock client cancels a running job, which keeps its text", async () => {
  const [first, second] = both();
  const { id } = await first.call("Submit", longJob);
  const events: GrpcEvent[] = [];
  let cancelling: Promise<unknown> | null = null;
  for await (const event of first.stream<GrpcEvent>("Watch", { id })) {
    events.push(event);
    if (event.event === "delta") cancelling ??= second.call("Cancel", { id });
  }
  const cancelled = await cancelling;
  expect(cancelled).toMatchObject({ status: "JOB_STATUS_CANCELLED", output: { text: textOf(events) } });
  expect(events.at(-1)).toMatchObject({ event: "done", done: cancelled });
});

test("a stock client meets its deadline, and its job goes on", async () => {
  const [first] = both();
  const { id } = await first.call("Submit", longJob);
  const startedAt = performance.now();
  const { messages, error } = await readAll(first.stream<GrpcEvent>("Watch", { id }, { deadlineMs: 200 }));
  expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  const cursor = messages.at(-1)?.cursor ?? "";
  const rest = await readAll(first.stream<GrpcEvent>("Watch", { id, cursor }));
  expect(rest.messages.at(-1)).toMatchObject({
    event: "done",
    done: { output: { text: textOf([...messages, ...rest.messages]) } },
  });
});

test("the example of docs/grpc.md works as it stands", async () => {
  const text = await readFile(join(root, "docs/grpc.md"), "utf8");
  const code = /<!-- example: node -->\n```js\n([\s\S]*?)```/.exec(text)?.[1] ?? expect.fail("no example");
  expect(code).toContain(sentiment.prompt);
  // It imports packages, which are found from here.
  const file = join(root, "apps/cli/test/grpc-example.mjs");
  await writeFile(file, code);
  try {
    const { stdout } = await run(process.execPath, [file], { cwd: root, env: { ...process.env, LLAMERO_GRPC: address } });
    expect(stdout).toBe("positive\nJOB_STATUS_SUCCEEDED\n");
  } finally {
    await rm(file);
  }
});
