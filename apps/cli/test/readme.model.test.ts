import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Job, ToolCall } from "@llamero/core";
import { createParser } from "eventsource-parser";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = new URL("../../../", import.meta.url).pathname;
const run = promisify(execFile);

/** The port that the README names, or any other if something else has it here. */
async function choosePort(): Promise<number> {
  const tryPort = (port: number) =>
    new Promise<number | null>((resolve) => {
      const server = createServer().once("error", () => resolve(null));
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        const bound = typeof address === "object" && address !== null ? address.port : port;
        server.close(() => resolve(bound));
      });
    });
  return (await tryPort(3000)) ?? (await tryPort(0)) ?? 0;
}

interface Started {
  child: ChildProcess;
  output: () => string;
}

/** `npm start` as a terminal runs it: in a process group of its own, which Ctrl-C reaches as a whole. */
async function npmStart(env: Record<string, string>): Promise<Started> {
  const { REDIS_URL: _url, ...inherited } = process.env;
  const child = spawn("npm", ["start"], {
    cwd: root,
    detached: true,
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const ready = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (/curl/.test(output)) ready.resolve();
    });
  child.once("exit", (code) => ready.reject(new Error(`npm start ended with code ${code}:\n${output}`)));
  await ready.promise;
  return { child, output: () => output };
}

async function ctrlC({ child }: Started): Promise<void> {
  const exited = once(child, "exit");
  process.kill(-(child.pid ?? 0), "SIGINT");
  await exited;
}

/** Every process with this text in its environment. */
async function processesWith(mark: string): Promise<string[]> {
  const { stdout } = await run("ps", ["axeww", "-o", "pid=,command="], { maxBuffer: 1 << 26 });
  return stdout.split("\n").filter((line) => line.includes(mark) && !line.includes("ps axeww"));
}

const EXAMPLE = /<!-- example: (\w+) -->\n```sh\n([\s\S]*?)```/g;

async function readExamples(port: number): Promise<Map<string, string>> {
  const text = await readFile(join(root, "README.md"), "utf8");
  return new Map(
    Array.from(text.matchAll(EXAMPLE), ([, name, lines]) => [name ?? "", (lines ?? "").replaceAll(":3000", `:${port}`)]),
  );
}

let dataDir: string;
let port: number;
let examples: Map<string, string>;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "llamero-readme-"));
  port = await choosePort();
  examples = await readExamples(port);
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

async function example(name: string): Promise<unknown> {
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", examples.get(name) ?? "exit 9"], { cwd: dataDir });
  const isOneObject = stdout.startsWith("{") && stdout.trimEnd().indexOf("\n") === -1;
  return isOneObject ? JSON.parse(stdout) : stdout;
}

const answers: Record<string, (answer: unknown) => void> = {
  positive: (answer) => expect(answer).toMatchObject({ status: "succeeded", output: { text: "positive" } }),
  shipping: (answer) => expect(answer).toMatchObject({ status: "succeeded", output: { text: "shipping" } }),
  events: (answer) => {
    const seen: { event?: string | undefined; data: string }[] = [];
    createParser({ onEvent: (event) => seen.push(event) }).feed(String(answer));
    const deltas = seen.filter(({ event }) => event === "delta").map(({ data }) => (JSON.parse(data) as { text: string }).text);
    expect(deltas.join("")).toBe("positive");
    expect(seen.at(-1)?.event).toBe("done");
    expect(JSON.parse(seen.at(-1)?.data ?? "")).toMatchObject({ status: "succeeded", output: { text: "positive" } });
  },
  extraction: (answer) => {
    const { text } = (answer as Job).output as { text: string };
    expect(JSON.parse(text)).toEqual({ name: "Tom", city: "Oslo", quantity: 3, item: "lamp" });
  },
  tools: (answer) => {
    const { message, finish_reason } = (answer as Job).output as { message: { tool_calls: ToolCall[] }; finish_reason: string };
    expect(finish_reason).toBe("tool_calls");
    expect(message).toMatchObject({ content: null, tool_calls: [{ function: { name: "get_weather" } }] });
    const { city, unit } = JSON.parse(message.tool_calls[0]?.function.arguments ?? "") as Record<string, unknown>;
    expect([typeof city, unit]).toEqual(["string", expect.stringMatching(/^(celsius|fahrenheit)$/)]);
  },
  embeddings: (answer) => {
    const { embeddings } = (answer as Job).output as { embeddings: number[][] };
    expect(embeddings).toHaveLength(2);
    for (const vector of embeddings) expect(Math.hypot(...vector)).toBeCloseTo(1, 3);
  },
  cancelled: (answer) => expect(answer).toMatchObject({ status: "cancelled" }),
  list: (answer) => expect(answer).toMatchObject({ object: "list", data: [{ status: "succeeded" }, { status: "succeeded" }] }),
  openai: (answer) =>
    expect(answer).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { content: expect.stringContaining("positive") } }],
    }),
  batch: (answer) => {
    const lines = String(answer).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      [
        ["a", "positive"],
        ["b", "negative"],
      ].map(([custom_id, content]) =>
        expect.objectContaining({
          custom_id,
          response: expect.objectContaining({
            body: expect.objectContaining({
              choices: [
                expect.objectContaining({
                  message: expect.objectContaining({ content: expect.stringContaining(content ?? "") }),
                }),
              ],
            }),
          }),
        }),
      ),
    );
  },
};

test("every example of the README works as it stands; Ctrl-C leaves nothing behind; the next start still has the jobs", async () => {
  expect([...examples.keys()]).toEqual(Object.keys(answers));
  const env = { DATA_DIR: dataDir, PORT: String(port) };
  const first = await npmStart(env);
  for (const [name, check] of Object.entries(answers)) check(await example(name));

  const pasted = /curl .*$/m.exec(first.output())?.[0] ?? "exit 9";
  const { stdout } = await run("bash", ["-c", pasted]);
  expect(JSON.parse(stdout)).toMatchObject({ status: "succeeded", output: { text: "positive" } });

  const started = performance.now();
  await ctrlC(first);
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(await processesWith(dataDir)).toEqual([]);

  const second = await npmStart(env);
  const kept = await fetch(`http://localhost:${port}/v1/jobs?status=succeeded`).then((response) => response.json());
  expect(kept).toMatchObject({
    data: expect.arrayContaining([expect.objectContaining({ output: expect.objectContaining({ text: "shipping" }) })]),
  });
  await ctrlC(second);
  expect(await processesWith(dataDir)).toEqual([]);
});
