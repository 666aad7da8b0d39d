import { expect, test } from "vitest";
import { type Aliases, aliasesSchema, aliasTargets, needsHealth, routeOf } from "./aliases.ts";

const ticket = (jobId: string, owner = "a") => ({ jobId, owner });

/** Model → its part of 10,000 jobs. */
function shares(aliases: Aliases, owner: (index: number) => string = () => "a"): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let index = 0; index < 10_000; index++) {
    const { model } = routeOf(aliases, "chat", ticket(`job_01k${index.toString(36)}`, owner(index)));
    counts[model] = (counts[model] ?? 0) + 1 / 10_000;
  }
  return counts;
}

test("a name that is no alias is itself, also where objects have something of that name", () => {
  for (const name of ["chat", "constructor", "toString"]) {
    expect(routeOf({}, name, ticket("1"))).toEqual({
      model: name,
      alias: null,
      fallback: [],
      timeoutMs: null,
      isDegraded: false,
    });
    expect(aliasTargets({}, name)).toEqual([]);
  }
});

test("stands for one model, which may be called like another alias", () => {
  const aliases = { chat: "small", small: "chat" };
  expect(routeOf(aliases, "chat", ticket("1"))).toMatchObject({ model: "small", alias: "chat" });
  expect(aliasTargets(aliases, "small")).toEqual(["chat"]);
});

test.each([
  [
    { new: 5, old: 95 },
    { new: 0.05, old: 0.95 },
  ],
  [
    { a: 1, b: 1, c: 2 },
    { a: 0.25, b: 0.25, c: 0.5 },
  ],
  [{ a: 0, b: 0.1 }, { b: 1 }],
])("%j gives each its part, to two points in a hundred", (weights, parts) => {
  const targets = Object.entries(weights).map(([model, weight]) => ({ model, weight }));
  const seen = shares({ chat: { targets } });
  expect(Object.keys(seen).sort()).toEqual(Object.keys(parts).sort());
  for (const [model, part] of Object.entries(parts)) expect(Math.abs((seen[model] ?? 0) - part), model).toBeLessThan(0.02);
});

test("the same job goes to the same model however often it is asked", () => {
  const aliases = { chat: { targets: [{ model: "a" }, { model: "b" }] } };
  for (let index = 0; index < 50; index++)
    expect(new Set(Array.from({ length: 5 }, () => routeOf(aliases, "chat", ticket(`job_${index}`)).model)).size).toBe(1);
});

test("sticky: an owner stays with a model, and owners are spread as the weights say", () => {
  const chat = { targets: [{ model: "a", weight: 3 }, { model: "b" }], sticky: "owner" as const };
  expect(Object.keys(shares({ chat }))).toHaveLength(1);
  const seen = shares({ chat }, (index) => `owner-${index}`);
  expect(Math.abs((seen["a"] ?? 0) - 0.75)).toBeLessThan(0.02);
});

/** Where a job goes while these breakers are open, and so much waits for the others. */
const sent = (chat: Rule, open: string[], waits: Record<string, number> = {}) => {
  const health = { isOpen: (model: string) => open.includes(model), waitSeconds: (model: string) => waits[model] ?? null };
  const { model, fallback, isDegraded } = routeOf({ chat }, "chat", ticket("job_1"), health);
  return `${[model, ...fallback].join(" ")}${isDegraded ? " (degraded)" : ""}`;
};
type Rule = Exclude<Aliases[string], string>;

test("passes over models whose breakers are open, and keeps those behind; where all are, the first waits", () => {
  const chat: Rule = { targets: [{ model: "a" }], fallback: ["b", "a", "c"] };
  expect([[], ["a"], ["b"], ["a", "b"], ["a", "b", "c"]].map((open) => sent(chat, open))).toEqual([
    ...["a b c", "b c", "a b c", "c", "a b c"],
  ]);
});

test("degraded: while the others would wait too long, or all of them have open breakers", () => {
  const chat: Rule = { targets: [{ model: "a" }], fallback: ["b"], degraded: { model: "small", wait_seconds: 30 } };
  expect(sent(chat, [], { a: 30 })).toBe("a b");
  expect(sent(chat, [], { a: 31 })).toBe("small a b (degraded)");
  expect(sent(chat, ["a"], { a: 31, b: 1 })).toBe("b");
  expect(sent(chat, ["a", "b"])).toBe("small a b (degraded)");
  expect(sent(chat, ["a", "b", "small"])).toBe("a b");
  expect(sent(chat, ["small"], { a: 31 })).toBe("a b");
  expect(sent({ ...chat, degraded: { model: "small" } }, [], { a: 3_000 })).toBe("a b");
});

test("only names with something behind them ask how models are", () => {
  const targets = [{ model: "a" }];
  const aliases: Aliases = {
    plain: "a",
    weighted: { targets },
    chained: { targets, fallback: ["b"] },
    hard: { targets, degraded: { model: "b" } },
  };
  expect(Object.keys(aliases).filter((name) => needsHealth(aliases, name))).toEqual(["chained", "hard"]);
  expect(needsHealth(aliases, "toString")).toBe(false);
});

test("names the largest part first", () => {
  expect(aliasTargets({ chat: { targets: [{ model: "a", weight: 0.5 }, { model: "b" }] } }, "chat")).toEqual(["b", "a"]);
});

test.each([
  [{ chat: { targets: [] } }],
  [{ chat: { targets: [{ model: "a", weight: 0 }] } }],
  [{ chat: { targets: [{ model: "a", weight: -1 }] } }],
  [{ chat: "" }],
  [Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`a${index}`, "b"]))],
])("refuses %j", (aliases) => {
  expect(aliasesSchema.safeParse(aliases).success).toBe(false);
});
