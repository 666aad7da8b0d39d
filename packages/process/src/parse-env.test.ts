import { AppError } from "@llamero/core";
import { expect, test } from "vitest";
import { z } from "zod";
import { parseEnv } from "./parse-env.ts";
import { settingsFor } from "./settings.ts";

function complaint(env: Record<string, string>): string {
  try {
    parseEnv(settingsFor("api"), env);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    if (error instanceof AppError && error.code === "config_invalid") return error.message;
  }
  throw new Error("expected config_invalid");
}

test("reports everything that is wrong at once: name, value, and what is allowed", () => {
  const message = complaint({ PORT: "70000", LOG_LEVEL: "loud", LLAMERO_MAX_BODY_BYTES: "-1" });
  expect(message.split("\n")).toEqual([
    "The configuration is not valid. Change these environment variables:",
    '  PORT="70000": must be an integer from 0 to 65535 (0 picks a free port)',
    '  LOG_LEVEL="loud": must be one of trace, debug, info, warn, error, fatal, silent',
    '  LLAMERO_MAX_BODY_BYTES="-1": must be an integer from 1024 to 1073741824',
  ]);
});

test("never prints the value of a secret, but which of several it is", () => {
  const message = complaint({ LLAMERO_API_KEYS: "bob:hunter2-long,alice:hunter2,carol", REDIS_URL: "http://:hunter2@redis" });
  expect(message).toContain("LLAMERO_API_KEYS, entry 2 and 3: must be");
  expect(message).toContain("REDIS_URL: must be");
  expect(message).not.toContain("hunter2");
});

test("counts an empty variable as unset", () => {
  expect(parseEnv(settingsFor("api"), { PORT: "", LOG_LEVEL: "" })).toMatchObject({ PORT: 3000, LOG_LEVEL: "info" });
});

test("names a required variable that is not set", () => {
  const schema = z.object({ TOKEN: z.string().meta({ allowed: "a token" }) });
  expect(() => parseEnv(schema, { TOKEN: "" })).toThrow("TOKEN is not set: must be a token");
});
