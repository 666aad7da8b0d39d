import { WebhookSecret } from "@llamero/webhooks";
import { expect, test } from "vitest";
import { signingSecrets } from "./signing-secrets.ts";

const [current, old, first, second] = Array.from({ length: 4 }, () => WebhookSecret.generate().reveal()) as [
  string,
  string,
  string,
  string,
];
const deployment = [first, second].map((text) => WebhookSecret.parse(text));
const reveal = (secrets: readonly WebhookSecret[]) => secrets.map((secret) => secret.reveal());

test("the previous secret signs until its time is over", () => {
  const own = [
    { secret: current, validUntilMs: null },
    { secret: old, validUntilMs: 1_000 },
  ];
  expect(reveal(signingSecrets(own, deployment, 999))).toEqual([current, old]);
  expect(reveal(signingSecrets(own, deployment, 1_000))).toEqual([current]);
});

test("all secrets of the deployment sign for those who have none, and for nobody else", () => {
  expect(reveal(signingSecrets([], deployment, 0))).toEqual([first, second]);
  expect(reveal(signingSecrets([{ secret: current, validUntilMs: null }], deployment, 0))).toEqual([current]);
  expect(signingSecrets([], [], 0)).toEqual([]);
});
