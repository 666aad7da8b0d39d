import { expect, test } from "vitest";
import { patchSettings, settingsPatchSchema } from "./live-settings.ts";

test("a patch changes what it names, takes back what it says is null, and leaves the rest", () => {
  const settings = { max_waiting: 5, weights: { a: 2, b: 3 }, key_limits: { max_running: 4 } };
  expect(patchSettings(settings, { weights: { a: null, c: 1 }, max_waiting: null, log_level: "debug" })).toEqual({
    weights: { b: 3, c: 1 },
    key_limits: { max_running: 4 },
    log_level: "debug",
  });
  expect(settings).toEqual({ max_waiting: 5, weights: { a: 2, b: 3 }, key_limits: { max_running: 4 } });
});

test("what is kept of answers is set part by part", () => {
  const settings = { reuse: { mode: "asked" as const, ttl_seconds: 60 } };
  expect(patchSettings(settings, { reuse: { ttl_seconds: null, max_bytes: 0 } })).toEqual({
    reuse: { mode: "asked", max_bytes: 0 },
  });
  expect(settingsPatchSchema.safeParse({ reuse: { mode: "sometimes" } }).success).toBe(false);
});

test("what has nothing left in it is gone", () => {
  expect(patchSettings({ weights: { a: 2 } }, { weights: { a: null } })).toEqual({});
  expect(patchSettings({ ageing: { low_seconds: 9 } }, { ageing: null })).toEqual({});
  expect(patchSettings({}, { ageing: {} })).toEqual({});
});

test("an alias is replaced as a whole, and stays sticky until it is told otherwise", () => {
  const targets = [{ model: "a" }, { model: "b", weight: 2 }];
  const settings = { aliases: { x: "a", y: { targets, sticky: "owner" as const } } };
  const patch = { aliases: { x: { targets }, y: { targets: [{ model: "c" }] } } };
  expect(patchSettings(settings, patch)).toEqual({
    aliases: { x: { targets }, y: { targets: [{ model: "c" }], sticky: "owner" } },
  });
  expect(patchSettings(settings, { aliases: { x: null, y: "b" } })).toEqual({ aliases: { y: "b" } });
  expect(patchSettings(settings, { aliases: { x: null, y: { targets, sticky: null } } })).toEqual({
    aliases: { y: { targets } },
  });
});

test.each([
  [{ max_waiting: 0 }, "max_waiting"],
  [{ weights: { a: 0 } }, "weights.a"],
  [{ weights: { "no owner": 1 } }, "weights.no owner"],
  [{ key_limits: { max_runing: 1 } }, "key_limits"],
  [{ log_level: "loud" }, "log_level"],
  [{ retention_hours: "1" }, "retention_hours"],
  [{ colour: "red" }, ""],
  [{ aliases: { a: 3 } }, "aliases.a"],
])("refuses %j, and says where", (patch, path) => {
  const parsed = settingsPatchSchema.safeParse(patch);
  expect(parsed.error?.issues[0]?.path.join(".")).toBe(path);
});

test("refuses more weights than can be looked through", () => {
  const weights = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`a${index}`, 2]));
  const more = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`b${index}`, 2]));
  expect(() => patchSettings({ weights }, { weights: more })).toThrow("more than 1000");
});
