import { AppError } from "@llamero/core";
import type { LoadedHooks } from "@llamero/process";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type BatchWorld, chat, ids, line, openBatchWorld, text } from "./batch-world.ts";

let world: BatchWorld;
beforeEach(async () => {
  world = await openBatchWorld();
});
afterEach(() => world[Symbol.asyncDispose]());

/** Writes chats in capitals, refuses what speaks of bluebirds, and breaks on what it is told to break on. */
const beforeAccept: LoadedHooks["beforeAccept"] = async ({ owner, model, request }) => {
  if (request.type !== "chat") return request;
  const said = request.messages.map(({ content }) => content ?? "").join();
  if (said.includes("bluebird")) throw new AppError("refused_by_hook", "No bluebirds.");
  if (said.includes("break")) throw new AppError("hook_failed", "The hook beforeAccept of this deployment failed.");
  return { ...request, messages: [{ role: "user", content: `${owner} ${model} ${said.toUpperCase()}` }] };
};

test("lines are run as the hook gives them; those that it refuses, or fails at, fail with the reason, and the others go on", async () => {
  const asked: string[] = [];
  world.worker.script = async (claim, worker) => {
    if (claim.request.type === "chat") asked.push(claim.request.messages[0]?.content ?? "");
    await worker.succeed(claim, "yes");
  };
  await world.dispatch({ hooks: { beforeAccept } });
  const contents = { a: "hello", b: "a bluebird", c: "break", d: "bye" };
  const id = await world.start(text(Object.entries(contents).map(([name, content]) => line(name, chat(content)))));
  const batch = await world.ended(id);
  expect(batch.counts).toMatchObject({ total: 4, completed: 2, failed: 2 });
  const { output, error } = await world.written(id);
  expect(ids(output)).toEqual(["a", "d"]);
  expect(asked.sort()).toEqual([`${batch.owner} tiny BYE`, `${batch.owner} tiny HELLO`]);
  expect(error.map(({ custom_id, response, error }) => [custom_id, JSON.stringify(response?.body ?? error)])).toEqual([
    ["b", expect.stringContaining("No bluebirds.")],
    ["c", expect.stringContaining("hook_failed")],
  ]);
});
