import { createHash, timingSafeEqual } from "node:crypto";
import type { ServerResponse } from "node:http";
import { type HeapProfiler, Session } from "node:inspector/promises";
import { setTimeout as pause } from "node:timers/promises";

const SHORTEST_SECONDS = 1;
const LONGEST_SECONDS = 120;
const DEFAULT_SECONDS = 10;

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Whether a request shows the token; the time that it takes tells nothing of it. */
export function isAllowed(authorization: string | undefined, token: string): boolean {
  return timingSafeEqual(digest(authorization ?? ""), digest(`Bearer ${token}`));
}

/** Opens the inspector of the main thread, which answers also while its event loop is stuck in JavaScript. */
async function withMainThread(use: (session: Session) => Promise<void>): Promise<void> {
  const session = new Session();
  session.connectToMainThread();
  try {
    await use(session);
  } finally {
    session.disconnect();
  }
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify({ error: String(error) }));
}

/** What the main thread does for so many seconds, as DevTools reads it (`.cpuprofile`). */
export async function sendCpuProfile(response: ServerResponse, asked: string | null): Promise<void> {
  const seconds = Math.min(LONGEST_SECONDS, Math.max(SHORTEST_SECONDS, Number(asked ?? DEFAULT_SECONDS) || DEFAULT_SECONDS));
  try {
    await withMainThread(async (session) => {
      await session.post("Profiler.enable");
      await session.post("Profiler.start");
      await pause(seconds * 1_000);
      const { profile } = await session.post("Profiler.stop");
      await session.post("Profiler.disable");
      response.writeHead(200, {
        "content-type": "application/json",
        "content-disposition": `attachment; filename="${process.pid}.cpuprofile"`,
      });
      response.end(JSON.stringify(profile));
    });
  } catch (error) {
    fail(response, error);
  }
}

/** All that the main thread holds in memory, prompts among it (`.heapsnapshot`). The process stands still meanwhile. */
export async function sendHeapSnapshot(response: ServerResponse): Promise<void> {
  try {
    await withMainThread(async (session) => {
      response.writeHead(200, {
        "content-type": "application/json",
        "content-disposition": `attachment; filename="${process.pid}.heapsnapshot"`,
      });
      session.on(
        "HeapProfiler.addHeapSnapshotChunk",
        ({ params }: { params: HeapProfiler.AddHeapSnapshotChunkEventDataType }) => {
          response.write(params.chunk);
        },
      );
      await session.post("HeapProfiler.takeHeapSnapshot");
      response.end();
    });
  } catch (error) {
    fail(response, error);
  }
}
