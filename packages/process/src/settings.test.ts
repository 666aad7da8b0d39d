import { describe, expect, test } from "vitest";
import { parseEnv } from "./parse-env.ts";
import { allSettings, settingsFor, settingsTable } from "./settings.ts";

test("gives each process the variables that it reads, with their defaults", () => {
  expect(parseEnv(settingsFor("api"), {})).toEqual({
    HOST: "127.0.0.1",
    DATA_DIR: ".data",
    LLAMERO_DRAIN_SECONDS: 0,
    LLAMERO_HOOK_SECONDS: 5,
    LLAMERO_MAX_FILE_BYTES: 2_147_483_648,
    LLAMERO_ANSWER_SECONDS: 600,
    LLAMERO_MAX_WAITING: 1_000_000,
    LLAMERO_REUSE: "all",
    LLAMERO_REDIS_WAIT_REPLICAS: 0,
    PORT: 3000,
    REDIS_URL: "redis://127.0.0.1:6379",
    LLAMERO_API_KEYS: [],
    LOG_LEVEL: "info",
    LLAMERO_MAX_BODY_BYTES: 10_485_760,
    LLAMERO_WEBHOOK_SECRET: [],
    LLAMERO_WEBHOOK_ALLOW: [],
    LLAMERO_WEBHOOK_HTTP: false,
    LLAMERO_WEBHOOK_PORTS: [443, 8443, 80, 8080],
    LLAMERO_STOP_SECONDS: 8,
    LLAMERO_TRACE_RATIO: 1,
    OTEL_EXPORTER_OTLP_HEADERS: {},
    LLAMERO_OPS_HOST: "127.0.0.1",
    LLAMERO_PREFIX: "llamero",
  });
  expect(Object.keys(parseEnv(settingsFor("worker"), {}))).not.toContain("PORT");
});

test("splits lists and keys", () => {
  const env = { LLAMERO_MODELS: "a.gguf, hf:owner/repo:Q8_0,", LLAMERO_API_KEYS: "alice:secret-1:2,bob:secret-34" };
  expect(parseEnv(allSettings(), env)).toMatchObject({
    LLAMERO_MODELS: ["a.gguf", "hf:owner/repo:Q8_0"],
    LLAMERO_API_KEYS: [
      { owner: "alice", key: "secret-1:2" },
      { owner: "bob", key: "secret-34" },
    ],
  });
});

test("reads what webhooks may reach", () => {
  const env = { LLAMERO_WEBHOOK_PORTS: "443, 9443", LLAMERO_WEBHOOK_HTTP: "true" };
  expect(parseEnv(settingsFor("dispatcher"), env)).toMatchObject({
    LLAMERO_WEBHOOK_PORTS: [443, 9443],
    LLAMERO_WEBHOOK_HTTP: true,
  });
  expect(() => parseEnv(settingsFor("api"), { LLAMERO_WEBHOOK_PORTS: "443,0" })).toThrow("LLAMERO_WEBHOOK_PORTS");
});

describe("the webhook secret", () => {
  const secret = (fill: number) => `whsec_${Buffer.alloc(32, fill).toString("base64")}`;
  const read = (text: string) => parseEnv(settingsFor("dispatcher"), { LLAMERO_WEBHOOK_SECRET: text }).LLAMERO_WEBHOOK_SECRET;

  test.each([",", " ", ", ", "\n", " ,\t"])("may be several, with %j between, in their order", (between) => {
    const secrets = [secret(2), secret(1), secret(3)];
    expect(read(secrets.join(between))).toEqual(secrets);
    expect(read(`${secret(1)}${between}`)).toEqual([secret(1)]);
  });

  test.each<[string, string, string]>([
    ["is none", "hunter2", "LLAMERO_WEBHOOK_SECRET, entry 1: must be whsec_ and the base64 of 24 to 64 random bytes"],
    ["has one that is none", `${secret(1)},hunter2`, "LLAMERO_WEBHOOK_SECRET, entry 2: must be whsec_"],
    ["has two that run together", secret(1) + secret(2), "LLAMERO_WEBHOOK_SECRET, entry 1: must be"],
    ["holds nothing", " , ", "LLAMERO_WEBHOOK_SECRET: must be whsec_"],
    ["has the same one twice", `${secret(1)} ${secret(1).replace("whsec_", "")}`, "up to 4 different ones"],
    ["has five", [1, 2, 3, 4, 5].map(secret).join(), "up to 4 different ones with commas between, the newest first"],
  ])("that %s is refused, in words that do not repeat it", (_name, text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(/^(?!.*(hunter2|AQEB|AgIC))/s);
  });
});

test("takes false for no GPU", () => {
  expect(parseEnv(allSettings(), { LLAMERO_GPU: "false" }).LLAMERO_GPU).toBe(false);
});

test.each([
  "redis://localhost:6379/1",
  "rediss://:secret@redis.example:6380",
  "unix:///run/redis.sock",
  "sentinel://one:26379,two/main/1",
  "cluster://me:secret@one:6379,two",
  "clusters://one",
])("takes %s", (url) => {
  expect(parseEnv(settingsFor("worker"), { REDIS_URL: url }).REDIS_URL).toBe(url);
});

test.each(["http://localhost", "sentinel://one", "cluster://", "cluster://one/1"])("refuses %s as Redis", (url) => {
  expect(() => parseEnv(settingsFor("worker"), { REDIS_URL: url })).toThrow("REDIS_URL: must be");
});

test.each(["1e3", "0x10", " 3000", "3000.5", "-1"])("refuses %j as a port", (port) => {
  expect(() => parseEnv(settingsFor("api"), { PORT: port })).toThrow("PORT");
});

test("documents every variable with its default", () => {
  const rows = settingsTable();
  expect(rows.map((row) => row.name)).toEqual(Object.keys(allSettings().shape));
  expect(rows.find((row) => row.name === "LLAMERO_MODELS")?.default).toBe("models/tiny/tiny.gguf");
  expect(rows.find((row) => row.name === "LLAMERO_SLOTS")?.defaultNote).toBe("measured at the first start");
});
