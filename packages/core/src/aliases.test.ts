import { expect, test } from "vitest";
import { type Aliases, aliasesSchema, aliasTargets, routeOf } from "./aliases.ts";

const ticket = (jobId: string, owner = "a") => ({ jobId, owner });

/** Model → its part of 10,000 jobs. */
function shares(aliases: Aliases, owner: (index: number) => string = () => "a"): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let index = 0; index < 10_000; index++) {
    const model = routeOf(aliases, "chat", ticket(`job_01k${index.toString(36)}`, owner(index)));
    counts[model] = (counts[model] ?? 0) + 1 / 10_000;
  }
  return counts;
}

test("a name that is no alias is itself, also where objects have something of that name", () => {
  for (const name of ["chat", "constructor", "toString"]) {
    expect(routeOf({}, name, ticket("1"))).toBe(name);
    expect(aliasTargets({}, name)).toEqual([]);
  }
});

test("stands for one model, which may be called like another alias", () => {
  const aliases = { chat: "small", small: "chat" };
  expect(routeOf(aliases, "chat", ticket("1"))).toBe("small");
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
    expect(new Set(Array.from({ length: 5 }, () => routeOf(aliases, "chat", ticket(`job_${index}`)))).size).toBe(1);
});

test("sticky: an owner stays with a model, and owners are spread as the weights say", () => {
  const chat = { targets: [{ model: "a", weight: 3 }, { model: "b" }], sticky: "owner" as const };
  expect(Object.keys(shares({ chat }))).toHaveLength(1);
  const seen = shares({ chat }, (index) => `owner-${index}`);
  expect(Math.abs((seen["a"] ?? 0) - 0.75)).toBeLessThan(0.02);
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
