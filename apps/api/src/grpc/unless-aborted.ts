/**
 * What comes first: what work gives, or the abort, whose reason is thrown.
 * @param unheard gets what the work fails with after that
 */
export function unlessAborted<T>(signal: AbortSignal, work: Promise<T>, unheard: (error: unknown) => void): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  work.then(resolve, (error: unknown) => {
    if (signal.aborted && error !== signal.reason) unheard(error);
    reject(error);
  });
  return promise.finally(() => signal.removeEventListener("abort", abort));
}

/** The items of a source until the abort, whose reason is thrown, whatever the source is doing. */
export async function* itemsUnlessAborted<T>(
  signal: AbortSignal,
  source: AsyncGenerator<T, void, void>,
  unheard: (error: unknown) => void,
): AsyncGenerator<T, void, void> {
  try {
    for (;;) {
      const item = await unlessAborted(signal, source.next(), unheard);
      if (item.done === true) return;
      yield item.value;
    }
  } finally {
    // Not waited for: it ends when it comes to itself, and what it fails with then has been told.
    source.return().catch(() => {});
  }
}
