import { setTimeout as pause } from "node:timers/promises";
import type { Lifecycle, ReadyDetails } from "@llamero/process";
import { type AppOptions, createApp } from "./app.ts";
import { bodyLimitAt } from "./body-limit.ts";
import { listenGrpc } from "./grpc/listen-grpc.ts";
import { type Listening, listen } from "./listen.ts";
import { routes } from "./routes/index.ts";

export interface ServersOptions extends AppOptions {
  lifecycle: Lifecycle;
  host: string;
  port: number;
  /** Undefined: no gRPC. */
  grpcPort: number | undefined;
  /** For how long it goes on serving when it is told to stop, for balancers to hear of it. */
  drainMs: number;
}

/**
 * Opens the servers of an API process; when it stops, both serve on for a while and then end together.
 * @throws AppError as `listen`
 */
export async function openServers({
  lifecycle,
  host,
  port,
  grpcPort,
  drainMs,
  ...options
}: ServersOptions): Promise<ReadyDetails> {
  const { services, auth, limits, newRequestId } = options;
  const { logger, notifications } = services;
  const open: Listening[] = [];
  lifecycle.defer("servers", async () => {
    for (const server of open) server.drain?.();
    if (drainMs > 0) await pause(drainMs);
    const closed = Promise.all(open.map((server) => server.close()));
    // Requests that wait answer with what they have.
    await notifications.close();
    await closed;
  });
  const bodyLimit = (target: string | undefined) => bodyLimitAt(limits, routes, target);
  const http = await listen(createApp(options), { host, port, newRequestId, logger, bodyLimit });
  open.push(http);
  logger.info({ url: http.url }, `listening on ${http.url}`);
  if (grpcPort === undefined) return { url: http.url };
  const { maxBodyBytes } = limits;
  const grpc = await listenGrpc({ host, port: grpcPort, services, auth, maxBodyBytes, newRequestId });
  open.push(grpc);
  logger.info({ url: grpc.url }, `listening for gRPC on ${grpc.url}`);
  return { url: http.url, grpc_url: grpc.url };
}
