import { format, inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { WebhookSecret } from "./secret.ts";

const base64 = (bytes: number) => Buffer.alloc(bytes, 0xfb).toString("base64");

test("a generated secret is 32 bytes behind whsec_, and no two are the same", () => {
  const text = WebhookSecret.generate().reveal();
  expect(text).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(WebhookSecret.generate().reveal()).not.toBe(text);
  expect(WebhookSecret.parse(text).reveal()).toBe(text);
});

test.each([24, 25, 26, 63, 64])("%i bytes are taken, with and without the prefix", (bytes) => {
  const whole = `whsec_${base64(bytes)}`;
  expect(WebhookSecret.parse(whole).reveal()).toBe(whole);
  expect(WebhookSecret.parse(base64(bytes)).reveal()).toBe(whole);
});

test.each([
  ["nothing", ""],
  ["the prefix alone", "whsec_"],
  ["23 bytes", `whsec_${base64(23)}`],
  ["65 bytes", `whsec_${base64(65)}`],
  ["a megabyte", base64(1_000_000)],
  ["text that is not base64", "whsec_this is not a secret at all, is it"],
  ["the URL alphabet", `whsec_${base64(32).replaceAll("+", "-").replaceAll("/", "_")}`],
  ["missing padding", `whsec_${base64(32).replace("=", "")}`],
  ["bits after the end", `whsec_${base64(32).slice(0, -2)}9=`],
  ["a line break", `whsec_${base64(32)}\n`],
  ["the prefix twice", `whsec_whsec_${base64(32)}`],
  ["another kind of key", `whsk_${base64(32)}`],
])("refuses %s, in words that do not repeat it", (_name, text) => {
  expect(() => WebhookSecret.parse(text, "webhook.secret")).toThrow(
    expect.objectContaining({
      code: "invalid_request",
      param: "webhook.secret",
      message: "The webhook secret must be whsec_ and the base64 of 24 to 64 random bytes; try: openssl rand -base64 32",
    }),
  );
});

describe("a secret does not print", () => {
  const text = `whsec_${base64(32)}`;
  const secret = WebhookSecret.parse(text);
  test.each<[string, () => string]>([
    ["JSON", () => JSON.stringify({ secret })],
    ["a template", () => `${secret}`],
    ["joining", () => [secret].join()],
    ["console.log", () => format(secret, { deep: [secret] })],
    ["%s and %o", () => format("%s %o %O %j", secret, secret, secret, secret)],
    ["inspect with everything", () => inspect(secret, { showHidden: true, depth: null, customInspect: false })],
    ["an error's cause", () => inspect(new Error("x", { cause: secret }))],
    ["its own keys", () => JSON.stringify(Object.entries({ ...secret }))],
  ])("as %s", (_name, print) => {
    const printed = print();
    expect(printed).not.toContain(base64(32).slice(0, 12));
    expect(printed).not.toContain(secret.bytes().join(", ").slice(0, 12));
    expect(printed).not.toContain("fb fb fb");
  });
});
