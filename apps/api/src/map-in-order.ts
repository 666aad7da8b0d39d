type Arrival<In, Out> =
  | { kind: "item"; item: In }
  | { kind: "end" }
  | { kind: "failure"; error: unknown }
  | { kind: "result"; result: Out };

/**
 * What work makes of items as they come, in their order, each as soon as it and those before it are there. Nothing is read
 * beyond `most` items that are under way or not taken yet. Where the source fails, the results of what came before go first.
 * @param work may not fail
 */
export async function* mapInOrder<In, Out>(
  source: AsyncIterable<In>,
  most: number,
  work: (item: In, index: number) => Promise<Out>,
): AsyncGenerator<Out, void, void> {
  const items = source[Symbol.asyncIterator]();
  const read = (): Promise<Arrival<In, Out>> =>
    items.next().then(
      ({ done, value }) => (done === true ? { kind: "end" } : { kind: "item", item: value }),
      (error: unknown) => ({ kind: "failure", error }),
    );
  const underWay: Promise<Arrival<In, Out>>[] = [];
  let index = 0;
  let next: Promise<Arrival<In, Out>> | null = read();
  let failure: { error: unknown } | null = null;
  while (next !== null || underWay.length > 0) {
    const mayRead = next !== null && underWay.length < most ? [next] : [];
    const first: Arrival<In, Out> = await Promise.race([...mayRead, ...underWay.slice(0, 1)]);
    if (first.kind === "result") {
      void underWay.shift();
      yield first.result;
    } else if (first.kind === "item") {
      underWay.push(work(first.item, index++).then((result) => ({ kind: "result", result })));
      next = read();
    } else {
      if (first.kind === "failure") failure = first;
      next = null;
    }
  }
  if (failure !== null) throw failure.error;
}
