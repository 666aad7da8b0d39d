import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, test } from "vitest";
import { WebhookSecret } from "./secret.ts";
import { signHeaders } from "./sign.ts";
import { type Received, type VerificationFailure, verifyWebhook, WebhookVerificationError } from "./verify.ts";

const NOW = 1_772_366_400_000;
const SECONDS = NOW / 1000;
const secret = WebhookSecret.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
const secrets = secret.reveal();
const body = Buffer.from('{"a":1}');
const headers: Record<string, string> = { ...signHeaders({ id: "evt_1", body, secrets: [secret], nowMs: NOW }) };
const received: Received = { body, headers, secrets, nowMs: NOW };

function reason(over: Partial<Received>): VerificationFailure | null {
  try {
    verifyWebhook({ ...received, ...over });
    return null;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return error.reason;
    throw error;
  }
}

test("the file imports nothing but Node's own modules", () => {
  const imports = readFileSync(new URL("verify.ts", import.meta.url), "utf8").match(/(?<=from ")[^"]+/g);
  expect(imports).toEqual(["node:crypto"]);
});

describe("accepts", () => {
  const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
  const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const nodeHeaders: IncomingHttpHeaders = { host: "a.test", ...headers };
  const other = WebhookSecret.generate().reveal();
  test.each<[string, Partial<Received>]>([
    ["a plain record", {}],
    ["names in upper case", { headers: upper }],
    ["the headers of node:http", { headers: nodeHeaders }],
    ["Fetch Headers", { headers: new Headers(headers) }],
    ["a Map", { headers: new Map(Object.entries(headers)) }],
    ["values in lists", { headers: lists }],
    ["a body as text", { body: body.toString() }],
    ["a secret without its prefix", { secrets: secrets.slice("whsec_".length) }],
    ["the second of two secrets", { secrets: [other, secrets] }],
    ["the second of several signatures", { headers: withSignature(`v1,AAAA v1a,BBBB ${headers["webhook-signature"]} v2,C`) }],
    ["a clock 300 s ahead", { nowMs: NOW + 300_999 }],
    ["a clock 300 s behind", { nowMs: NOW - 300_000 }],
    ["an older one when told so", { nowMs: NOW + 900_000, toleranceSeconds: 900 }],
  ])("%s", (_name, over) => {
    expect(verifyWebhook({ ...received, ...over })).toEqual({ id: "evt_1", timestamp: SECONDS });
  });
});

function withSignature(signature: string): Record<string, string> {
  return { ...headers, "webhook-signature": signature };
}

describe("refuses", () => {
  const without = (name: string) => Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
  const at = (timestamp: string) => ({ headers: { ...headers, "webhook-timestamp": timestamp } });
  const hash = (headers["webhook-signature"] ?? "").slice(3);
  test.each<[string, VerificationFailure, Partial<Received>]>([
    ["no headers", "missing_header", { headers: {} }],
    ["no id", "missing_header", { headers: without("webhook-id") }],
    ["no timestamp", "missing_header", { headers: new Headers(without("webhook-timestamp")) }],
    ["no signature", "missing_header", { headers: without("webhook-signature") }],
    ["an empty signature", "missing_header", { headers: withSignature("") }],
    ["an id in two spellings", "invalid_header", { headers: { ...headers, "Webhook-Id": "evt_2" } }],
    ["two ids in a list", "invalid_header", { headers: { ...headers, "webhook-id": ["evt_1", "evt_2"] } }],
    ["a timestamp of words", "invalid_header", at("now")],
    ["a timestamp with a fraction", "invalid_header", at(`${SECONDS}.5`)],
    ["a negative timestamp", "invalid_header", at("-5")],
    ["a timestamp followed by words", "invalid_header", at(`${SECONDS} and`)],
    ["a timestamp 301 s old", "too_old", { nowMs: NOW + 301_000 }],
    ["a timestamp 301 s ahead", "too_new", { nowMs: NOW - 301_000 }],
    ["a timestamp in milliseconds", "invalid_header", at(String(NOW))],
    ["another time than was signed", "no_match", at(String(SECONDS + 1))],
    ["another id than was signed", "no_match", { headers: { ...headers, "webhook-id": "evt_2" } }],
    ["another body", "no_match", { body: '{"a":2}' }],
    ["another secret", "no_match", { secrets: WebhookSecret.generate().reveal() }],
    ["a signature of another version", "no_match", { headers: withSignature(`v2,${hash}`) }],
    ["a signature without its version", "no_match", { headers: withSignature(hash) }],
    ["a beginning of the signature", "no_match", { headers: withSignature(`v1,${hash.slice(0, -4)}`) }],
    ["a version alone", "no_match", { headers: withSignature("v1,") }],
    ["no secrets", "invalid_secret", { secrets: [] }],
    ["an empty secret", "invalid_secret", { secrets: "whsec_" }],
    ["a secret that is not base64", "invalid_secret", { secrets: "whsec_!!" }],
  ])("%s: %s", (_name, expected, over) => {
    expect(reason(over)).toBe(expected);
  });

  test("and says nothing of the secret", () => {
    expect(() => verifyWebhook({ ...received, secrets: "whsec_geheim!" })).toThrow(/^(?!.*geheim)/);
  });
});
