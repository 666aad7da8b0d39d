import type { JobRequest } from "@llamero/core";
import { expect, test } from "vitest";
import { affinityOf, sessionOf } from "./affinity.ts";

type Chat = Extract<JobRequest, { type: "chat" }>;
const params = { seed: 1 };
const long = "Answer in the words of a llama. ".repeat(40);
const chat = (content: string, over: Partial<Chat> = {}): JobRequest => ({
  v: 1,
  type: "chat",
  messages: [
    { role: "system", content },
    { role: "user", content: "Hello" },
  ],
  params,
  ...over,
});
const of = (request: JobRequest, scope = "acme", slug = "tiny") => affinityOf({ scope, slug, request });
const user = (content: string): Pick<Chat, "messages"> => ({
  messages: [
    { role: "system", content: long },
    { role: "user", content },
  ],
});

test("turns of a session have one, whatever they say; other sessions, owners and models have others", () => {
  const turn = of(chat("a", { session_id: "s1" }));
  expect(of(chat("b", { session_id: "s1" }))).toBe(turn);
  expect(of({ v: 1, type: "completion", prompt: "x", params, session_id: "s1" })).toBe(turn);
  const others = [
    of(chat("a", { session_id: "s2" })),
    of(chat("a", { session_id: "s1" }), "other"),
    of(chat("a", { session_id: "s1" }), "acme", "tiny~legal"),
  ];
  expect(new Set([turn, ...others]).size).toBe(4);
  expect(sessionOf(turn)).toBe(turn);
});

test("prompts with a long common beginning have one, whoever sends them, and belong to no session", () => {
  const one = of(chat(long, user("One")));
  expect(one).not.toBeNull();
  expect(of(chat(long, user("Two")), "other")).toBe(one);
  expect(of(chat(long), "acme", "other")).not.toBe(one);
  expect(of(chat(`Now ${long}`))).not.toBe(one);
  expect(sessionOf(one)).toBeNull();
  const raw: JobRequest = { v: 1, type: "completion", prompt: `${long} One`, params };
  expect(of({ ...raw, prompt: `${long} Two` })).toBe(of(raw));
});

test("tools and roles are part of the beginning", () => {
  const tools: Chat["params"]["tools"] = [{ type: "function", function: { name: "f", description: long } }];
  expect(of(chat("short", { params: { ...params, tools } }))).not.toBeNull();
  const asUser = chat(long, { messages: [{ role: "user", content: long }] });
  expect(of(asUser)).not.toBe(of(chat(long)));
});

test("short prompts, and what generates nothing, have none", () => {
  expect(of(chat("short"))).toBeNull();
  expect(of({ v: 1, type: "embedding", input: [long] })).toBeNull();
  expect(of({ v: 1, type: "rerank", query: long, documents: [long] })).toBeNull();
  expect(sessionOf(null)).toBeNull();
});

test("it is short: the record stays in Redis's compact form", () => {
  expect(of(chat(long))).toMatch(/^b[\w-]{16}$/);
});
