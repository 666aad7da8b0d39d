import { expect, test } from "vitest";
import { isRemoteSpec, parseRemoteSource } from "./remote-source.ts";

test("reads a server's model with all that can be said of it", () => {
  const options = "model=Qwen/Qwen3-8B&slots=64&context=32768&does=chat&does=embedding&key=VLLM_KEY&without=seed&silent=30";
  expect(parseRemoteSource(`qwen3=https://gpu1:8000/v1/?${options}`)).toEqual({
    ...{ name: "qwen3", url: "https://gpu1:8000/v1", model: "Qwen/Qwen3-8B", slots: 64, contextLength: 32_768 },
    ...{ capabilities: ["chat", "embedding"], keyVariable: "VLLM_KEY", without: ["seed"], silentSeconds: 30 },
  });
});

test("asks the server for the same name where nothing else is said", () => {
  expect(parseRemoteSource("llama3.1=http://localhost:11434/v1")).toMatchObject({
    ...{ model: "llama3.1", url: "http://localhost:11434/v1", slots: 8, capabilities: ["chat", "completion"], keyVariable: null },
  });
});

test.each(["models/tiny.gguf", "hf:a/b:q4", "name=models/tiny.gguf", "name=hf:a/b"])("%s is no server", (spec) => {
  expect(isRemoteSpec(spec)).toBe(false);
});

test.each([
  ["https://gpu1/v1", "the name that jobs ask for is missing"],
  ["a=https://", "is no URL"],
  ["a=https://me:secret@gpu1/v1", "password"],
  ["a=https://gpu1/v1?slots=0", "slots"],
  ["a=https://gpu1/v1?slots=many", "slots"],
  ["a=https://gpu1/v1?does=paint", "does"],
  ["a=https://gpu1/v1?key=sk-123", "key"],
  ["a=https://gpu1/v1?speed=9", "speed"],
])("%s is refused, since %s", (spec, why) => {
  expect(isRemoteSpec(spec)).toBe(true);
  expect(() => parseRemoteSource(spec)).toThrow(why);
  expect(() => parseRemoteSource(spec)).toThrow("name=https://server/v1?model=");
});

test("a password is not repeated", () => {
  expect(() => parseRemoteSource("a=https://me:secret@gpu1/v1")).not.toThrow("secret");
});
