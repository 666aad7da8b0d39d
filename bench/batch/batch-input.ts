import { openAsBlob } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom } from "@llamero/testkit";

const LINES_AT_ONCE = 10_000;
const WORDS = ["lamp", "chair", "love", "hate", "broken", "fine", "llama", "river", "blue", "soon", "late", "good"] as const;

/** Writes an input of so many lines, r0, r1, …, each a short prompt that is answered with a token or two. */
export async function writeInput(folder: string, lines: number, seed: number): Promise<string> {
  const random = seededRandom(seed);
  const path = join(folder, "input.jsonl");
  const file = await open(path, "w");
  const line = (index: number) => {
    const content = `${random.pick(WORDS)} ${random.pick(WORDS)} ${random.pick(WORDS)}`;
    const body = { model: "tiny", max_tokens: 2, temperature: 0, messages: [{ role: "user", content }] };
    return `${JSON.stringify({ custom_id: `r${index}`, method: "POST", url: "/v1/chat/completions", body })}\n`;
  };
  for (let from = 0; from < lines; from += LINES_AT_ONCE) {
    const count = Math.min(LINES_AT_ONCE, lines - from);
    await file.write(Array.from({ length: count }, (_, index) => line(from + index)).join(""));
  }
  await file.close();
  return path;
}

/** Uploads a file for batches. @returns its id */
export async function upload(url: string, path: string): Promise<string> {
  const form = new FormData();
  form.append("purpose", "batch");
  form.append("file", await openAsBlob(path), "input.jsonl");
  const answer = await fetch(`${url}/v1/files`, { method: "POST", body: form });
  if (!answer.ok) throw new Error(`the upload was answered with ${answer.status}: ${await answer.text()}`);
  return ((await answer.json()) as { id: string }).id;
}
