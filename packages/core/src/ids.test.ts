import { describe, expect, test } from "vitest";
import { type IdKind, type IdSource, isId, jobIdSchema, newId } from "./ids.ts";

const zeros = (count: number) => new Uint8Array(count);
const at = (ms: number, over: Partial<IdSource> = {}): IdSource => ({ now: () => ms, randomBytes: zeros, cell: 0, ...over });
const kinds: [IdKind, string][] = [
  ["job", "job_"],
  ["worker", "wrk_"],
  ["event", "evt_"],
  ["request", "req_"],
];

test.each(kinds)("a %s id starts with %s and is 30 characters long", (kind, prefix) => {
  const id = newId(kind, at(1_763_600_000_000));
  expect(id.startsWith(prefix)).toBe(true);
  expect(id).toHaveLength(30);
  expect(isId(kind, id)).toBe(true);
  for (const [other] of kinds) expect(isId(other, id)).toBe(other === kind);
});

test("spells time, cell and random bytes in that order", () => {
  const randomBytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => i + 32);
  expect(newId("job", at(33, { cell: 33, randomBytes }))).toBe("job_0000000011110123456789abcd");
  expect(newId("job", at(0, { cell: 1_023 }))).toBe("job_0000000000zz00000000000000");
});

test("sorts as text by time, to the millisecond", () => {
  const times = [0, 1, 31, 32, 1_000, 1_763_600_000_000, 1_763_600_000_001, 1_763_600_001_000, 2 ** 48 - 1];
  const full = (count: number) => new Uint8Array(count).fill(255);
  const ids = times.map((ms, i) => newId("job", at(ms, { randomBytes: i % 2 === 0 ? full : zeros })));
  expect(ids.toSorted()).toEqual(ids);
});

test("uses each letter for the same share of random bytes", () => {
  const seen = new Map<string, number>();
  for (let byte = 0; byte < 256; byte++) {
    const letter = newId("job", at(0, { randomBytes: (count) => new Uint8Array(count).fill(byte) })).at(-1) ?? "";
    seen.set(letter, (seen.get(letter) ?? 0) + 1);
  }
  expect([seen.size, ...new Set(seen.values())]).toEqual([32, 8]);
});

describe("refuses what is nearly an id", () => {
  const id = newId("job", at(1_763_600_000_000));
  const nearMisses = {
    "cut short": id.slice(0, -1),
    "one longer": `${id}0`,
    "upper case": id.toUpperCase(),
    "another prefix": id.replace("job_", "jub_"),
    "no prefix": id.slice(4),
    "prefix twice": `job_${id}`,
    "a letter outside the alphabet": `${id.slice(0, -1)}u`,
    "a space before": ` ${id}`,
    "a line break after": `${id.slice(0, -1)}\n`,
    "a line break added": `${id}\n`,
    "a path": `${id.slice(0, -3)}/..`,
    "a colon": `${id.slice(0, -1)}:`,
    "a full-width digit": `${id.slice(0, -1)}０`,
    nothing: "",
  };
  test.each(Object.entries(nearMisses))("%s", (_name, text) => {
    expect(isId("job", text)).toBe(false);
    expect(jobIdSchema.safeParse(text).error?.issues[0]?.message).toBe("is not a job id");
  });
});
