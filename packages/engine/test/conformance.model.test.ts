import { checkClosing, runtimeConformance } from "@llamero/testkit";
import { afterAll, beforeAll, test } from "vitest";
import type { EngineRuntime } from "../src/index.ts";
import { startTiny } from "./tiny-engine.ts";

let runtime: EngineRuntime;
beforeAll(async () => {
  runtime = await startTiny({ slots: 2, flushMs: 1 });
});
afterAll(() => runtime.close());

test.each(Object.entries(runtimeConformance))("%s", (_name, check) => check({ runtime, model: "tiny" }));

test("closing rejects what runs, and what comes", async () =>
  checkClosing({ runtime: await startTiny({ slots: 2 }), model: "tiny" }));
