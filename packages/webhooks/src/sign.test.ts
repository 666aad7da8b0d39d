import { seededRandom } from "@llamero/testkit";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type SigningSecrets, WebhookSecret } from "./secret.ts";
import { signHeaders } from "./sign.ts";
import { verifyWebhook } from "./verify.ts";

const NOW = Date.parse("2026-03-01T12:00:00.700Z");
const id = "evt_01kaeq4y3c00d5t6v8m2r4q7zn";

/** The public library reads the time from `Date`, and lets nobody tell it another. */
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: NOW }));
afterEach(() => void vi.useRealTimers());

function sign(text: string, secrets: SigningSecrets) {
  const body = Buffer.from(text);
  return { body, headers: { ...signHeaders({ id, body, secrets, nowMs: NOW }) } };
}

const acceptedBy = (secret: WebhookSecret, { body, headers }: ReturnType<typeof sign>): boolean => {
  try {
    new Webhook(secret.reveal()).verify(body, headers, { jsonParse: false });
    return true;
  } catch {
    return false;
  }
};

test("signs the specification's example as its libraries do", () => {
  // The vector of the public test suites.
  const secret = WebhookSecret.parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const body = Buffer.from('{"test": 2432232314}');
  const headers = signHeaders({ id: "msg_p5jXN8AQM9LWM0D4loKWxJek", body, secrets: [secret], nowMs: 1614265330_000 });
  expect(headers).toEqual({
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test.each(["evt.1", "", "a b", "é", "a".repeat(129)])("refuses to sign the id %j", (unsafe) => {
  const unsigned = { id: unsafe, body: Buffer.from(""), secrets: [WebhookSecret.generate()] as const, nowMs: NOW };
  expect(() => signHeaders(unsigned)).toThrow(expect.objectContaining({ code: "internal_error" }));
});

describe("random bodies", () => {
  const random = seededRandom(20260301);
  const alphabet = ["a", "\0", "\n", ".", '"', "é", "漢", "🦙", "\u2028", "\ud800"] as const;
  const bodies = Array.from({ length: 200 }, () =>
    Array.from({ length: random.below(60) }, () => random.pick(alphabet)).join(""),
  );

  test("what is signed here, the public library verifies", () => {
    for (const text of bodies) {
      const secret = WebhookSecret.generate();
      expect(acceptedBy(secret, sign(text, [secret])), JSON.stringify(text)).toBe(true);
    }
  });

  test("what the public library signs is verified here", () => {
    for (const text of bodies) {
      const secret = WebhookSecret.generate();
      const body = Buffer.from(text);
      const headers = {
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(NOW / 1000)),
        "webhook-signature": new Webhook(secret.reveal()).sign(id, new Date(NOW), body),
      };
      const verified = verifyWebhook({ body, headers, secrets: secret.reveal(), nowMs: NOW });
      expect(verified, JSON.stringify(text)).toEqual({ id, timestamp: Math.floor(NOW / 1000) });
    }
  });

  test("any byte changed in body, id, time or signature breaks it", () => {
    for (const text of bodies.filter((each) => each !== "")) {
      const secret = WebhookSecret.generate();
      const { body, headers } = sign(text, [secret]);
      const at = random.below(body.length);
      const changed = Buffer.from(body);
      changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
      const check = (part: object) => () => verifyWebhook({ body, headers, secrets: secret.reveal(), nowMs: NOW, ...part });
      expect(check({})).not.toThrow();
      expect(check({ body: changed })).toThrow("No signature matches");
      expect(check({ body: body.subarray(1) })).toThrow("No signature matches");
      expect(check({ headers: { ...headers, "webhook-id": `${id}x` } })).toThrow("No signature matches");
      expect(check({ headers: { ...headers, "webhook-timestamp": String(NOW / 1000 - 1).split(".")[0] } })).toThrow(
        "No signature",
      );
    }
  });
});

test("before, during and after a rotation each receiver verifies with the secret it has by then", () => {
  const [old, fresh] = [WebhookSecret.generate(), WebhookSecret.generate()];
  const stages: SigningSecrets[] = [[old], [fresh, old], [fresh]];
  const accepted = stages.map((secrets) => [acceptedBy(old, sign("{}", secrets)), acceptedBy(fresh, sign("{}", secrets))]);
  expect(accepted).toEqual([
    [true, false],
    [true, true],
    [false, true],
  ]);
});
