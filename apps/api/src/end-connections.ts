import type { Server, ServerResponse } from "node:http";

/** How long requests under way may take after a server has been told to close, in milliseconds. */
const GRACE_MS = 3_000;

/** Node closes idle connections when a server closes, but not those that fall idle after that: those too, from now on. */
export function closeIdleOnes(server: Server): void {
  server.on("request", (_incoming, outgoing: ServerResponse) =>
    outgoing.once("close", () => server.listening || setImmediate(() => server.closeIdleConnections())),
  );
}

/**
 * Takes no more connections, lets requests under way end for a while, then cuts them.
 * @param cut what else is to be cut: connections that the server has taken and given away
 */
export function endConnections(server: Server, cut: () => void = () => {}): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(() => {
    server.closeAllConnections();
    cut();
  }, GRACE_MS);
  return closed.finally(() => clearTimeout(timer));
}
