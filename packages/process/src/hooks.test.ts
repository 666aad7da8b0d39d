import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnsweredJob, Submission } from "@llamero/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadHooks } from "./hooks.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "llamero-hooks-"));
});
afterAll(() => rm(folder, { recursive: true }));

const submission: Submission = {
  owner: "alice",
  model: "tiny",
  request: { v: 1, type: "completion", prompt: "hi", params: { seed: 1 } },
};
const answered: AnsweredJob = { ...submission, id: "job_1", output: { text: "hello", finish_reason: "stop" } };

let modules = 0;

/** Hooks of a module with this text, and what was logged of them. */
async function load(text: string, seconds = 5) {
  const path = join(folder, `hooks-${++modules}.ts`);
  await writeFile(path, text);
  const logged: unknown[] = [];
  const logger = { error: (fields: object) => void logged.push(fields) };
  return { logged, hooks: await loadHooks({ LLAMERO_HOOKS: path, LLAMERO_HOOK_SECONDS: seconds }, logger as never) };
}

test("without a module nothing is changed, and texts need not wait", async () => {
  const hooks = await loadHooks({ LLAMERO_HOOKS: undefined, LLAMERO_HOOK_SECONDS: 5 }, { error: () => {} } as never);
  expect(await hooks.beforeAccept(submission)).toEqual(submission.request);
  expect(hooks.afterFinish).toBeNull();
});

test("what a hook gives takes the place of what it was given", async () => {
  const { hooks } = await load(`export default {
    beforeAccept: ({ owner, request }: any) => ({ ...request, prompt: owner + ": " + request.prompt }),
    afterFinish: async ({ id, output }: any) => ({ ...output, text: id + " " + output.text }),
  }`);
  expect(await hooks.beforeAccept(submission)).toEqual({ ...submission.request, prompt: "alice: hi" });
  expect(await hooks.afterFinish?.(answered)).toEqual({ text: "job_1 hello", finish_reason: "stop" });
});

test("a hook that gives nothing leaves it as it is", async () => {
  const { hooks } = await load("export default { beforeAccept() {}, afterFinish() {} }");
  expect(await hooks.beforeAccept(submission)).toEqual(submission.request);
  expect(await hooks.afterFinish?.(answered)).toEqual(answered.output);
});

test("one hook may be there without the other", async () => {
  const { hooks } = await load("export default { beforeAccept() {} }");
  expect(hooks.afterFinish).toBeNull();
});

test("a refusal is told as the hook puts it", async () => {
  const { hooks, logged } = await load('export default { beforeAccept: (_: any, { refuse }: any) => refuse("No bluebirds.") }');
  await expect(hooks.beforeAccept(submission)).rejects.toMatchObject({ code: "refused_by_hook", message: "No bluebirds." });
  expect(logged).toEqual([]);
});

test.each([
  ["throws", "() => { throw new Error('secret reason') }"],
  ["rejects", "async () => { throw new Error('secret reason') }"],
  ["throws what is no error", "() => { throw 'secret reason' }"],
  ["gives what is no request", "() => ({ v: 1, type: 'completion', prompt: 7 })"],
  ["gives null", "() => null"],
  ["never ends", "() => new Promise(() => {})"],
])("one that %s lets nothing through, and its reason is in the log alone", async (_name, hook) => {
  const { hooks, logged } = await load(`export default { beforeAccept: ${hook} }`, 0.05);
  const error = await hooks.beforeAccept(submission).then(
    () => null,
    (thrown: Error) => thrown,
  );
  expect(error).toMatchObject({ code: "hook_failed", message: expect.not.stringContaining("secret") });
  expect(logged).toHaveLength(1);
});

test("the signal tells a hook that its time is over", async () => {
  const { hooks } = await load(
    `export default { beforeAccept: (_: any, { signal }: any) => new Promise((_, reject) =>
      signal.addEventListener("abort", () => { Object.assign(globalThis, { wasTold: true }); reject(signal.reason); })) }`,
    0.05,
  );
  await expect(hooks.beforeAccept(submission)).rejects.toMatchObject({ code: "hook_failed" });
  expect((globalThis as { wasTold?: boolean }).wasTold).toBe(true);
});

test.each([
  ["syntax error", "export default {", "cannot be loaded"],
  ["no default export", "export const hooks = {}", "no default export"],
  ["another form", "export default { beforeAccept: 7 }", "must be a function"],
  ["an unknown hook", "export default { beforeAcept() {} }", "beforeAcept"],
])("a module with %s does not start", async (_name, text, reason) => {
  await expect(load(text)).rejects.toMatchObject({ code: "config_invalid", message: expect.stringContaining(reason) });
});

test("a module that is not there is named", async () => {
  const settings = { LLAMERO_HOOKS: "/nowhere/hooks.ts", LLAMERO_HOOK_SECONDS: 5 };
  await expect(loadHooks(settings, { error: () => {} } as never)).rejects.toThrow("LLAMERO_HOOKS=/nowhere/hooks.ts");
});
