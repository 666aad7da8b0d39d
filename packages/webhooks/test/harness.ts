import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach } from "vitest";
import {
  AddressGuard,
  type AttemptResult,
  Deliverer,
  type DelivererOptions,
  type Delivery,
  WebhookSecret,
} from "../src/index.ts";
import { type Behaviour, Receiver, type ReceiverOptions } from "./receiver.ts";

export const secret = WebhookSecret.generate();

export interface Harness {
  /** A receiver that is closed after the test. */
  receiver(behave: Behaviour, options?: ReceiverOptions): Promise<Receiver>;
  /** A deliverer to 127.0.0.1 that is closed after the test; its attempts may take 10 s, or with `null` as long as in production. */
  deliverer(options?: DelivererChanges): Deliverer;
  /** One attempt of a deliverer of its own. */
  attempt(url: string, options?: DelivererChanges): Promise<AttemptResult>;
}

type DelivererChanges = Partial<Omit<DelivererOptions, "timeoutMs">> & { timeoutMs?: number | null };

export const delivery = (url: string, over: Partial<Delivery> = {}): Delivery => ({
  url,
  id: "evt_1",
  body: Buffer.from('{"a":1}'),
  secrets: [secret],
  nowMs: Date.now(),
  ...over,
});

const networkHandles = () => process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|GetAddrInfo/.test(kind)).length;

/** Receivers and deliverers of each test, closed after it; it then hangs unless every socket is gone. */
export function useWebhooks(): Harness {
  const owned: { close(): Promise<void> }[] = [];
  const own = <T extends { close(): Promise<void> }>(closable: T): T => {
    owned.push(closable);
    return closable;
  };
  let before = 0;
  beforeEach(() => {
    before = networkHandles();
  });
  afterEach(async () => {
    for (const each of owned.splice(0).reverse()) await each.close();
    while (networkHandles() > before) await turn();
  });

  const deliverer = ({ timeoutMs = 10_000, ...options }: DelivererChanges = {}) =>
    own(
      new Deliverer({
        guard: new AddressGuard({ allow: ["127.0.0.1/32"] }),
        allowHttp: true,
        version: "9.9.9",
        ...(timeoutMs === null ? {} : { timeoutMs }),
        ...options,
      }),
    );
  return {
    deliverer,
    receiver: async (behave, options) => own(await Receiver.start(behave, options)),
    attempt: (url, options) => deliverer(options).deliver(delivery(url)),
  };
}
