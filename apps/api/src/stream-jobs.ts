import { AppError } from "@llamero/core";
import { mergeStreams } from "./merge-streams.ts";
import type { Answer, Services } from "./route.ts";
import { STREAM_HEADERS } from "./stream-headers.ts";

/** How much later than its deadline a job has ended at the latest, where there is a dispatcher, in milliseconds. */
const LATE_MS = 1_000;

export interface JobStreams {
  streams: readonly ReadableStream<Uint8Array>[];
  /** Whether the reader has all that there will be. */
  hasEnded: () => boolean;
  /** What tells the reader that this process stops before that. */
  failure: (error: AppError) => string;
  /** Ends the jobs that nobody reads any more; null: they do not depend on their reader. */
  abandon: (() => Promise<void>) | null;
}

const stopping = () => new AppError("api_stopping", "This API process stopped before the answer had ended. Ask again.");

/** Streams of jobs under way as one answer. A reader that goes away, and a process that stops, ends the jobs that depend on it. */
export function streamJobs(
  { events, answerMs }: Pick<Services, "events" | "answerMs">,
  { streams, hasEnded, failure, abandon }: JobStreams,
): Answer {
  // The jobs end by their deadline, or by this where nobody sweeps; readers see how.
  const late = abandon === null ? undefined : setTimeout(() => void abandon(), answerMs + LATE_MS);
  const leave = async () => {
    clearTimeout(late);
    await abandon?.();
  };
  const body = mergeStreams(streams, {
    onEnd: async () => {
      clearTimeout(late);
      if (hasEnded()) return "";
      await leave();
      return failure(stopping());
    },
    onCancel: leave,
  });
  return { status: 200, body, headers: STREAM_HEADERS, stallMs: events.stallMs };
}
