import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "@llamero/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WebhookSecret } from "../src/index.ts";
import { delivery, secret, useWebhooks } from "./harness.ts";

const webhooks = useWebhooks();
const root = new URL("../../../", import.meta.url).pathname;
const EXAMPLE = /<!-- receiver: (\w+) -->\n```\w+\n([\s\S]*?)```/g;
const body = Buffer.from(JSON.stringify({ type: "job.succeeded", data: { id: "job_1", output: { text: "é 🦙" } } }));

let folder: string;
let child: ChildProcess | null;
beforeEach(async () => {
  child = null;
  folder = await mkdtemp(join(tmpdir(), "llamero-receiver-"));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await copyFile(join(root, "packages/webhooks/src/verify.ts"), join(folder, "verify.ts"));
});
afterEach(async () => {
  if (child?.exitCode === null && child.kill("SIGKILL")) await once(child, "exit");
  await rm(folder, { recursive: true });
});

async function readExamples(): Promise<Map<string, string>> {
  const texts = await Promise.all(["README.md", "docs/webhooks.md"].map((file) => readFile(join(root, file), "utf8")));
  return new Map(
    texts.flatMap((text) => Array.from(text.matchAll(EXAMPLE), ([, name = "", code = ""]) => [name, code] as const)),
  );
}

/** Runs an example as it stands. @returns its port, and what it prints */
async function start(name: string, command: string, file: string) {
  const code = (await readExamples()).get(name);
  await writeFile(join(folder, file), code ?? expect.fail(`there is no example ${name}`));
  const port = await freePort();
  const env = { ...process.env, PORT: String(port), WEBHOOK_SECRET: secret.reveal() };
  child = spawn(command, [file], { cwd: folder, env, stdio: ["ignore", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout ?? expect.fail("stdout is a pipe") });
  return { url: `http://127.0.0.1:${port}/hooks/llamero`, printed: () => once(lines, "line") };
}

async function expectToVerify(name: string, command: string, file: string): Promise<void> {
  const { url, printed } = await start(name, command, file);
  const deliverer = webhooks.deliverer();
  const forged = delivery(url, { body, secrets: [WebhookSecret.generate()] });
  // Asked until it listens.
  for (let result = await deliverer.deliver(forged); result.status !== 400; result = await deliverer.deliver(forged))
    expect(result).toMatchObject({ error: { code: "refused" } });
  const [line, result] = await Promise.all([printed(), deliverer.deliver(delivery(url, { body }))]);
  expect(result).toMatchObject({ outcome: "delivered", status: 204 });
  expect(String(line)).toContain("job.succeeded");
  const rotated = delivery(url, { body, secrets: [WebhookSecret.generate(), secret] });
  expect(await deliverer.deliver(rotated)).toMatchObject({ status: 204 });
  const late = delivery(url, { body, nowMs: Date.now() - 600_000 });
  expect(await deliverer.deliver(late)).toMatchObject({ status: 400 });
}

it.each(["node", "hono", "copied"])("the receiver %s of the documentation takes what is signed, and nothing else", (name) =>
  expectToVerify(name, process.execPath, "receiver.mjs"),
);

it.runIf(spawnSync("python3", ["--version"]).status === 0)("so does the one in Python", () =>
  expectToVerify("python", "python3", "receiver.py"),
);

it("no receiver of the documentation is left out", async () => {
  const names = Array.from((await readExamples()).keys());
  expect(names.toSorted()).toEqual(["copied", "hono", "node", "python"]);
});
