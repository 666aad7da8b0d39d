import { describe, expect, test } from "vitest";
import { createWebhookEndpointSchema, jobWebhookSchema, rotateWebhookSecretSchema, webhookSecretSchema } from "./webhook.ts";

const url = "https://example.com/";
const secret = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;

test("a job's webhook needs no more than a URL", () => {
  expect(jobWebhookSchema.parse({ url })).toEqual({ url });
  const full = { url, secret, events: ["job.started", "job.failed"], payload: "thin" };
  expect(jobWebhookSchema.parse(full)).toEqual(full);
});

describe("refuses", () => {
  test.each<[string, object, string]>([
    ["no URL", {}, "url"],
    ["a URL of 2049 characters", { url: url.padEnd(2049, "a") }, "url"],
    ["no events at all", { url, events: [] }, "events"],
    ["an event that is not known", { url, events: ["job.done"] }, "events.0"],
    ["an event twice", { url, events: ["job.failed", "job.failed"] }, "events"],
    ["another payload", { url, payload: "slim" }, "payload"],
    ["a secret of 23 bytes", { url, secret: `whsec_${Buffer.alloc(23, 1).toString("base64")}` }, "secret"],
    ["a field that is not known", { url, headers: {} }, ""],
  ])("%s", (_name, body, path) => {
    for (const schema of [jobWebhookSchema, createWebhookEndpointSchema]) {
      const issues = schema.safeParse(body).error?.issues ?? [];
      expect([...new Set(issues.map((issue) => issue.path.join(".")))]).toEqual([path]);
      expect(JSON.stringify(issues)).not.toContain("AQEB");
    }
  });
});

test("a rotation keeps the previous secret for a day unless told otherwise, for a week at most", () => {
  expect(rotateWebhookSecretSchema.parse({})).toEqual({ previous_valid_seconds: 86_400 });
  expect(rotateWebhookSecretSchema.safeParse({ previous_valid_seconds: 604_801 }).success).toBe(false);
});

test("a secret has one spelling in base64, with or without its prefix", () => {
  const spellings = [
    secret,
    secret.slice(6),
    `${secret}=`,
    secret.replace("whsec_", "whsec_whsec_"),
    `${secret.slice(0, -1)}R==`,
  ];
  expect(spellings.map((text) => webhookSecretSchema.safeParse(text).success)).toEqual([true, true, false, false, false]);
});
