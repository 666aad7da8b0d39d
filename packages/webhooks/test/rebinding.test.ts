import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { AddressGuard, AddressRefused, checkWebhookUrl, type Resolve } from "../src/index.ts";
import { pinnedConnector } from "../src/pinned-connector.ts";
import { delivery, useWebhooks } from "./harness.ts";
import { answer } from "./receiver.ts";

const webhooks = useWebhooks();

/** 127.0.0.2 plays the public host; 127.0.0.1, at the same port, what nobody is to reach. */
const OUTSIDE = "127.0.0.2";
const INSIDE = "127.0.0.1";
const guard = new AddressGuard({ allow: [`${OUTSIDE}/32`] });

async function bothSides() {
  const outside = await webhooks.receiver((socket) => void socket.end(answer(200)), { host: OUTSIDE });
  const inside = await webhooks.receiver((socket) => void socket.end(answer(200)), { host: INSIDE, port: outside.port });
  return { outside, inside, url: `http://rebind.test:${outside.port}/` };
}

/** A resolver that gives these answers, one after the other, and then the last one for ever. */
function answering(...answers: string[][]): { resolve: Resolve; asked: () => number } {
  let asked = 0;
  const resolve = async () => answers[Math.min(asked++, answers.length - 1)] ?? [];
  return { resolve, asked: () => asked };
}

describe("a name that changes its address", () => {
  it("is resolved once for a connection, which goes to the address that was checked", async () => {
    const { outside, inside, url } = await bothSides();
    const { resolve, asked } = answering([OUTSIDE], [INSIDE]);
    expect(await webhooks.attempt(url, { guard, resolve })).toMatchObject({ outcome: "delivered" });
    expect([asked(), outside.sockets.length, inside.sockets.length]).toEqual([1, 1, 0]);
  });

  it("is checked again for the next connection", async () => {
    const { outside, inside, url } = await bothSides();
    const { resolve } = answering([OUTSIDE], [INSIDE]);
    const deliverer = webhooks.deliverer({ guard, resolve });
    await deliverer.deliver(delivery(url));
    await outside.socketsClosed();
    expect(await deliverer.deliver(delivery(url))).toMatchObject({ outcome: "failed", error: { code: "blocked" } });
    expect([outside.sockets.length, inside.sockets.length]).toEqual([1, 0]);
  });

  it("between submission and delivery reaches nothing inside", async () => {
    const { inside, url } = await bothSides();
    const { resolve } = answering([OUTSIDE], [INSIDE]);
    await checkWebhookUrl(url, { guard, allowHttp: true, resolve });
    expect(await webhooks.attempt(url, { guard, resolve })).toMatchObject({ error: { code: "blocked" } });
    expect(inside.sockets).toEqual([]);
  });

  it.each([
    [[OUTSIDE, INSIDE]],
    [[INSIDE, OUTSIDE]],
    [[OUTSIDE, "::ffff:127.0.0.1"]],
    [[OUTSIDE, "169.254.169.254"]],
    [[OUTSIDE, "64:ff9b::808:808"]],
  ])("to %j is refused as a whole, without a connection", async (addresses) => {
    const { outside, inside, url } = await bothSides();
    expect(await webhooks.attempt(url, { guard, ...answering(addresses) })).toMatchObject({ error: { code: "blocked" } });
    expect([outside.sockets.length, inside.sockets.length]).toEqual([0, 0]);
  });
});

it.each(["127.0.0.1", "2130706433", "0x7f.1", "0177.1", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"])(
  "the literal address %s is refused at delivery, where no resolver is asked",
  async (host) => {
    const { inside } = await bothSides();
    const { resolve, asked } = answering([OUTSIDE]);
    const result = await webhooks.attempt(`http://${host}:${inside.port}/`, { guard, resolve });
    expect(result).toMatchObject({ outcome: "failed", error: { code: "blocked" } });
    expect([asked(), inside.sockets.length]).toEqual([0, 0]);
  },
);

it("the connector itself refuses a literal address, whoever comes to it", async () => {
  const { inside } = await bothSides();
  const { resolve } = answering([OUTSIDE]);
  const options = { guard, resolve, timeoutMs: 1_000, sockets: new Set<Socket>() };
  const origin = new URL(`http://${INSIDE}:${inside.port}`);
  const refused = new Promise<Error | null>((done) => {
    const target = { hostname: origin.hostname, host: origin.host, protocol: origin.protocol, port: origin.port };
    pinnedConnector(origin, options)(target, (...[error]) => done(error));
  });
  expect(await refused).toBeInstanceOf(AddressRefused);
  expect(inside.sockets).toEqual([]);
});

it("a name without addresses fails as unresolved", async () => {
  expect(await webhooks.attempt("http://none.test/", { guard, ...answering([]) })).toMatchObject({ error: { code: "dns" } });
});

it("a public address at a port that is not listed is refused", async () => {
  const open = { resolve: answering(["93.184.215.14"]).resolve, guard };
  expect(await webhooks.attempt("http://public.test:6379/", open)).toMatchObject({ error: { code: "blocked" } });
});
