import type { Claim } from "@llamero/store";
import { vi } from "vitest";
import type { Harness } from "./harness.ts";

/** What is written at a time, in `writeUntilUnread`. */
export const PIECE = "wool ".repeat(13_000);

/**
 * Writes text of a job that somebody follows until he is not read for any more: socket buffers take several megabytes.
 * @returns how many pieces were written, and how often a reading was made for him
 */
export async function writeUntilUnread(api: Harness, claim: Claim): Promise<{ written: number; readings: number }> {
  const reading = vi.spyOn(api.store, "readEvents");
  let written = 0;
  for (let unread = 0; unread < 40; ) {
    const readings = reading.mock.calls.length;
    await api.worker.write(claim, ++written, PIECE);
    unread = reading.mock.calls.length === readings ? unread + 1 : 0;
  }
  const readings = reading.mock.calls.length;
  reading.mockRestore();
  return { written, readings };
}
