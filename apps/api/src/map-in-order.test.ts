import { describe, expect, it } from "vitest";
import { mapInOrder } from "./map-in-order.ts";

/** Items that come when they are given, and how many were asked for. */
class Source implements AsyncIterable<number> {
  asked = 0;
  readonly #waiting: PromiseWithResolvers<IteratorResult<number>>[] = [];

  [Symbol.asyncIterator](): AsyncIterator<number> {
    return {
      next: () => {
        this.asked += 1;
        const waiting = Promise.withResolvers<IteratorResult<number>>();
        this.#waiting.push(waiting);
        return waiting.promise;
      },
    };
  }

  give(value: number): void {
    this.#waiting.shift()?.resolve({ done: false, value });
  }

  end(): void {
    this.#waiting.shift()?.resolve({ done: true, value: undefined });
  }

  fail(error: Error): void {
    this.#waiting.shift()?.reject(error);
  }
}

/** Lets everything that is ready happen. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Work whose end the test decides. */
function controlled() {
  const ends = new Map<number, () => void>();
  const work = (item: number, index: number) =>
    new Promise<string>((resolve) => ends.set(item, () => resolve(`${index}:${item}`)));
  return { work, end: (item: number) => ends.get(item)?.(), started: () => [...ends.keys()] };
}

describe("results", () => {
  it("come in the order of their items, whichever ends first", async () => {
    const source = new Source();
    const { work, end, started } = controlled();
    const results = mapInOrder(source, 4, work);
    const first = results.next();
    for (const item of [10, 20]) {
      await settle();
      source.give(item);
    }
    await settle();
    expect(started()).toEqual([10, 20]);
    end(20);
    end(10);
    expect([(await first).value, (await results.next()).value]).toEqual(["0:10", "1:20"]);
  });

  it("come while no further item does", async () => {
    const source = new Source();
    const results = mapInOrder(source, 4, async (item) => item);
    const first = results.next();
    source.give(1);
    expect((await first).value).toBe(1);
    const second = results.next();
    source.end();
    expect((await second).done).toBe(true);
  });

  it("of what came before go first where the source fails", async () => {
    const source = new Source();
    const { work, end } = controlled();
    const results = mapInOrder(source, 4, work);
    const first = results.next();
    source.give(1);
    await settle();
    source.fail(new Error("cut"));
    await settle();
    end(1);
    expect((await first).value).toBe("0:1");
    await expect(results.next()).rejects.toThrow("cut");
  });
});

it("reads no more than may be under way, and goes on when a result is taken", async () => {
  const source = new Source();
  const { work, end, started } = controlled();
  const results = mapInOrder(source, 2, work);
  const first = results.next();
  for (const item of [1, 2, 3]) {
    source.give(item);
    await settle();
  }
  expect(started()).toEqual([1, 2]);
  expect(source.asked).toBe(3);
  end(1);
  expect((await first).value).toBe("0:1");
  await settle();
  expect(started()).toEqual([1, 2]);
  const second = results.next();
  await settle();
  expect(started()).toEqual([1, 2, 3]);
  end(2);
  expect((await second).value).toBe("1:2");
});
