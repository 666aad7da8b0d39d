/**
 * Gives the same pieces, and cuts a reader off that takes the next one too late: HTTP/2's own timers do not run out while other
 * calls of a connection go on, or its pings.
 * @param cut ends the connection, or its part
 */
export async function* cutWhenStalled<T>(
  pieces: AsyncIterable<T>,
  stallMs: number,
  cut: () => void,
): AsyncGenerator<T, void, void> {
  for await (const piece of pieces) {
    const timer = setTimeout(cut, stallMs);
    try {
      yield piece;
    } finally {
      clearTimeout(timer);
    }
  }
}
