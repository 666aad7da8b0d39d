import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { itemsUnlessAborted, unlessAborted } from "./unless-aborted.ts";

/** For work that fails in time, or not at all. */
const untold = (error: unknown) => expect.fail(`told of ${error}`);
const never = () => new Promise<never>(() => {});

describe("work", () => {
  it("gives what it gives, and leaves no listener behind", async () => {
    const { signal } = new AbortController();
    expect(await unlessAborted(signal, Promise.resolve(1), untold)).toBe(1);
    await expect(unlessAborted(signal, Promise.reject(new Error("broken")), untold)).rejects.toThrow("broken");
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("ends at the abort with its reason, also one that has been", async () => {
    const leaving = new AbortController();
    const work = unlessAborted(leaving.signal, never(), untold);
    leaving.abort(new Error("gone"));
    await expect(work).rejects.toThrow("gone");
    await expect(unlessAborted(leaving.signal, never(), untold)).rejects.toThrow("gone");
    expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
  });

  it("that fails after that tells somebody, unless it fails for that reason", async () => {
    const leaving = new AbortController();
    const [late, following] = [Promise.withResolvers<never>(), Promise.withResolvers<never>()];
    const unheard: unknown[] = [];
    const tell = (error: unknown) => unheard.push(error);
    const works = [late, following].map(({ promise }) => unlessAborted(leaving.signal, promise, tell));
    leaving.abort(new Error("gone"));
    await Promise.allSettled(works);
    following.reject(leaving.signal.reason);
    late.reject(new Error("broken"));
    await Promise.allSettled([late.promise, following.promise]);
    expect(unheard).toEqual([new Error("broken")]);
  });
});

describe("items", () => {
  it("end with their source, or at the abort while it gives nothing, and close it", async () => {
    const closed: string[] = [];
    async function* source(name: string, last: Promise<void>) {
      try {
        yield 1;
        await last;
      } finally {
        closed.push(name);
      }
    }
    const leaving = new AbortController();
    const whole = itemsUnlessAborted(leaving.signal, source("whole", Promise.resolve()), untold);
    expect([await whole.next(), await whole.next()]).toEqual([
      { done: false, value: 1 },
      { done: true, value: undefined },
    ]);
    const { promise, resolve } = Promise.withResolvers<void>();
    const cut = itemsUnlessAborted(leaving.signal, source("cut", promise), untold);
    expect((await cut.next()).value).toBe(1);
    const next = cut.next();
    leaving.abort(new Error("gone"));
    await expect(next).rejects.toThrow("gone");
    resolve();
    await new Promise((turn) => setImmediate(turn));
    expect(closed).toEqual(["whole", "cut"]);
  });
});
