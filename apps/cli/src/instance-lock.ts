import { rename, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";

/** What `acquireLock` answers when another process holds the lock. */
export interface HeldBy {
  readonly pid: number;
}

/** An exclusive lock; it ends with the process, however that ends. */
export interface Lock {
  /** Legal to call twice. */
  release(): Promise<void>;
}

/**
 * Takes the lock that a listening Unix socket is: who can connect knows that the holder lives, and the holder answers with
 * its pid. A socket file that nobody listens on is the trace of a killed process and is taken over.
 *
 * @param path At most about 100 bytes, the limit of socket addresses.
 */
export async function acquireLock(path: string): Promise<Lock | HeldBy> {
  const server = createServer((socket) => socket.on("error", () => {}).end(`${process.pid}\n`));
  if (await listens(server, path)) return lockOf(server);
  const holder = await lockHolder(path);
  if (holder !== null) return holder;
  const living = await removeStale(path);
  if (living !== null) return living;
  if (await listens(server, path)) return lockOf(server);
  // Another process started at this very moment was faster.
  return (await lockHolder(path)) ?? { pid: 0 };
}

/** Who holds the lock; null when nobody does. */
export function lockHolder(path: string): Promise<HeldBy | null> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(path);
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => resolve(null));
    socket.on("end", () => resolve({ pid: Number.parseInt(text, 10) }));
  });
}

/**
 * Moves the dead socket aside before deleting it. Between the probe and the removal another process may have taken the
 * lock; a renamed socket still answers, so that is seen, and the socket goes back to its place.
 */
async function removeStale(path: string): Promise<HeldBy | null> {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return null;
  }
  const holder = await lockHolder(aside);
  if (holder === null) await rm(aside, { force: true });
  else await rename(aside, path);
  return holder;
}

function listens(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(false) : reject(error)));
    server.listen(path, () => resolve(true));
  });
}

/** Closing the server also removes its socket file. */
function lockOf(server: Server): Lock {
  return {
    release: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
