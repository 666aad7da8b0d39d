import type { Placement } from "@llamero/core";
import type { LiveWorker } from "@llamero/store";
import { expect, test } from "vitest";
import { statusOf } from "./model-status.ts";

const failure = { code: "model_file_invalid", message: "m.gguf cannot be opened." };

function worker(id: string, state: Placement["state"], slots = 0): LiveWorker {
  const model: Placement = { slug: "m", state, size_bytes: 1, gpu: null, error: state === "failed" ? failure : null };
  const idle = { specs: [], is_drained: false, tokens_per_second: 0, started_at_ms: 0, wish_error: null };
  return { id, host: "h", pid: 1, slots: slots === 0 ? [] : [{ slug: "m", slots }], models: [model], ...idle };
}

test.each([
  ["ready, with the slots of all", [worker("a", "ready", 4), worker("b", "ready", 2)], { status: "ready", workers: 2, slots: 6 }],
  ["ready while one can", [worker("a", "failed"), worker("b", "ready", 2)], { status: "ready", workers: 1, error: null }],
  ["loading before failed", [worker("a", "failed"), worker("b", "loading")], { status: "loading", workers: 0, error: null }],
  ["failed, with the reason", [worker("a", "unloaded"), worker("b", "failed")], { status: "failed", error: failure }],
  ["unloaded while it is drained", [worker("a", "draining")], { status: "unloaded", slots: 0 }],
  ["unloaded without any worker", [], { status: "unloaded", workers: 0, error: null }],
])("a model is %s", (_name, live, status) => {
  expect(statusOf("m", live)).toMatchObject(status);
});

test("other models are not looked at", () => {
  expect(statusOf("other", [worker("a", "ready", 4)])).toMatchObject({ status: "unloaded", workers: 0 });
});
