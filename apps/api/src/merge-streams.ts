type Reader = ReadableStreamDefaultReader<Uint8Array>;
interface Reading {
  reader: Reader;
  next: Promise<{ reading: Reading; result: Awaited<ReturnType<Reader["read"]>> }>;
}

export interface MergeOptions {
  /** Gives what stands behind everything. */
  onEnd: () => Promise<string>;
  /** The reader has gone away. */
  onCancel: () => Promise<void>;
}

/** One stream of the pieces of several, each as it comes. Nothing is read before the reader has taken what came earlier. */
export function mergeStreams(
  streams: readonly ReadableStream<Uint8Array>[],
  { onEnd, onCancel }: MergeOptions,
): ReadableStream<Uint8Array> {
  const readings = new Set<Reading>();
  const read = (reading: Reading) => {
    reading.next = reading.reader.read().then((result) => ({ reading, result }));
  };
  return new ReadableStream(
    {
      start: () => {
        for (const stream of streams) {
          const reading = { reader: stream.getReader() } as Reading;
          read(reading);
          readings.add(reading);
        }
      },
      pull: async (controller) => {
        while (readings.size > 0) {
          const { reading, result } = await Promise.race(Array.from(readings, ({ next }) => next));
          if (result.done) {
            readings.delete(reading);
            continue;
          }
          read(reading);
          controller.enqueue(result.value);
          return;
        }
        const last = await onEnd();
        if (last !== "") controller.enqueue(new TextEncoder().encode(last));
        controller.close();
      },
      cancel: async () => {
        await Promise.all(Array.from(readings, ({ reader }) => reader.cancel()));
        await onCancel();
      },
    },
    { highWaterMark: 0 },
  );
}
