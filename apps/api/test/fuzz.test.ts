import { type Random, seededRandom } from "@llamero/testkit";
import { expect, it } from "vitest";
import { errorOf } from "./expect-error.ts";
import { jsonType, useApi } from "./harness.ts";

const api = useApi();
const SEED = 20_260_801;
const ROUNDS = 800;

const bodies = [
  { prompt: "hello", params: { max_tokens: 5, temperature: 0.5, stop: ["a", "b"], seed: 1, logit_bias: { "5": 1 } } },
  {
    messages: [
      { role: "system", content: "Be kind." },
      { role: "user", content: "hi" },
    ],
    metadata: { a: "b" },
  },
  { input: ["a", "b", "c"], model: "embedder", deadline_ms: 50_000 },
  { prompt: "x", type: "completion", run_at: "2026-01-01T00:00:00Z", params: { grammar: 'root ::= "a"' } },
  {
    prompt: "x",
    delay_ms: 5,
    params: {
      response_format: {
        type: "json_schema",
        json_schema: { name: "n", schema: { type: "object", properties: { a: { enum: [1, "b", null] } }, required: ["a"] } },
      },
    },
  },
  { prompt: "x", webhook: { url: "https://hooks.example/a", events: ["job.started"], payload: "thin", secret: "A".repeat(32) } },
].map((body) => JSON.stringify(body));

/** Pieces that parsers, validators and Lua have stumbled over. */
const pieces = [
  "null",
  "1e999",
  "-1e-999",
  "-0",
  "[]",
  "{}",
  '""',
  '"\\u0000"',
  '"\\ud800"',
  "true",
  '"__proto__":1,',
  '"constructor":{},',
  "9007199254740993",
  "\u2028",
  "\ufeff",
  "[[[[",
  "}}}}",
  '"a":',
  ",",
  "\\",
  '"',
  "\n",
  "💥",
  "NaN",
  "0x1",
  "1.",
  '{"then":1}',
  '"$ref":"#"',
];

type Mutation = (text: string, pick: Random["below"]) => string;
const mutations: Mutation[] = [
  (text, pick) => text.slice(0, pick(text.length)),
  (text, pick) => {
    const at = pick(text.length);
    return text.slice(0, at) + pieces[pick(pieces.length)] + text.slice(at);
  },
  (text, pick) => {
    const [from, to] = [pick(text.length), pick(text.length)].toSorted((a, b) => a - b) as [number, number];
    return text.slice(0, from) + text.slice(to);
  },
  (text, pick) => {
    const at = pick(text.length);
    return text.slice(0, at) + String.fromCharCode(pick(0x250)) + text.slice(at + 1);
  },
  // A whole value for another: stays JSON, so it gets past the parser.
  (text, pick) => text.replace(/:("[^"]*"|\d+|\[[^[\]]*\])/g, (value) => (pick(4) === 0 ? `:${pieces[pick(13)]}` : value)),
  (text, pick) => text.replace(/"(\w+)":/g, (key) => (pick(6) === 0 ? `"${"k".repeat(pick(80))}":` : key)),
  (text, pick) => text.repeat(1 + pick(2)),
];

it(`takes or refuses ${ROUNDS} mutated bodies, and says why (seed ${SEED})`, async () => {
  const pick = seededRandom(SEED).below;
  const seen = new Map<number, number>();
  for (let round = 0; round < ROUNDS; round++) {
    let text = bodies[pick(bodies.length)] ?? "";
    for (let i = 0; i <= pick(3); i++) text = mutations[pick(mutations.length)]?.(text, pick) ?? text;
    const bytes = Buffer.from(text, pick(10) === 0 ? "latin1" : "utf8");
    const response = await api.request("/v1/jobs", { method: "POST", headers: jsonType, body: bytes });
    seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
    if (response.status === 202) continue;
    expect([400, 404], text).toContain((await errorOf(response)).status);
  }
  expect(seen.get(202)).toBeGreaterThan(20);
  expect(seen.get(400)).toBeGreaterThan(300);
  expect(api.logs.join("")).not.toContain("request failed");
});

it("can read, list and cancel every job that came of it", async () => {
  const pick = seededRandom(SEED + 1).below;
  const ids: string[] = [];
  for (let round = 0; round < 300; round++) {
    const text = mutations[pick(mutations.length)]?.(bodies[pick(bodies.length)] ?? "", pick) ?? "";
    const response = await api.post("/v1/jobs", text);
    if (response.status === 202) ids.push(((await response.json()) as { id: string }).id);
  }
  expect(ids.length).toBeGreaterThan(20);
  const page = await api.request("/v1/jobs?limit=100");
  expect(page.status).toBe(200);
  for (const id of ids) {
    await api.job(id);
    expect((await api.post(`/v1/jobs/${id}/cancel`)).status).toBe(200);
  }
});
