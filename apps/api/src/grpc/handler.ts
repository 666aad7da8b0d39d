import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { type ConnectRouter, createConnectRouter } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { Health, Jobs, ServerReflection, ServerReflectionAlpha } from "@llamero/grpc";
import type { Auth } from "../auth.ts";
import { OutageLog } from "../outage-log.ts";
import type { Services } from "../route.ts";
import { Calls } from "./calls.ts";
import { cutWhenStalled } from "./cut-when-stalled.ts";
import { GrpcErrors } from "./grpc-errors.ts";
import { healthService } from "./health-service.ts";
import { jobsScopes, jobsService } from "./jobs-service.ts";
import { withPlainMessage } from "./plain-message.ts";
import { reflectionServices } from "./reflection-service.ts";

export interface GrpcOptions {
  services: Services;
  auth: Auth;
  /** Largest message taken, in bytes. */
  maxBodyBytes: number;
  newRequestId: () => string;
}

export interface GrpcHandlerOptions extends GrpcOptions {
  /** Aborts when this process stops. */
  stopping: AbortSignal;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/** Smaller answers take longer to compress than to send. */
const COMPRESS_FROM_BYTES = 16_384;
/** Longest deadline of a call, in milliseconds: a timer of Node's cannot be set to more. */
const LONGEST_DEADLINE_MS = 2_147_483_647;

function createRouter({ services, auth, maxBodyBytes, newRequestId, stopping }: GrpcHandlerOptions): ConnectRouter {
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    compressMinBytes: COMPRESS_FROM_BYTES,
    readMaxBytes: maxBodyBytes,
    maxTimeoutMs: LONGEST_DEADLINE_MS,
    jsonOptions: { ignoreUnknownFields: false },
  });
  const errors = new GrpcErrors(services.logger, new OutageLog(services.logger, () => performance.now()));
  const calls = new Calls({ auth, errors, newRequestId });
  router.service(Jobs, jobsService({ calls, errors, services, stopping }), { requestGate: calls.gate(jobsScopes) });
  router.service(Health, healthService({ store: services.store, stopping }));
  const reflection = reflectionServices([Jobs, Health, ServerReflection, ServerReflectionAlpha]);
  router.service(ServerReflection, reflection.v1);
  router.service(ServerReflectionAlpha, reflection.v1alpha);
  return router;
}

const WATCH_PATH = `/${Jobs.typeName}/${Jobs.method.watch.name}`;

function cut(response: Response): void {
  if ("stream" in response) response.stream.close(constants.NGHTTP2_CANCEL);
  else response.destroy();
}

const isGone = (response: Response) => ("stream" in response ? response.stream.destroyed : response.destroyed);

/** Answers what no method answers; gRPC's clients know what these statuses mean. */
function answerStatus(response: Response, status: 400 | 404): void {
  response.statusCode = status;
  response.end();
}

/** The request as Connect has it; null for one to a host that is none, which neither of Node's servers refuses. */
function readRequest(request: Request, response: Response): UniversalServerRequest | null {
  try {
    return universalRequestFromNodeRequest(request, response, undefined, undefined);
  } catch {
    return null;
  }
}

/** Serves what comes over either HTTP. */
export function createGrpcHandler(options: GrpcHandlerOptions): (request: Request, response: Response) => void {
  const { logger, events } = options.services;
  const handlers = new Map(createRouter(options).handlers.map((handler) => [handler.requestPath, handler]));
  const serve = async (request: Request, response: Response): Promise<void> => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler === undefined) return answerStatus(response, 404);
    const universal = readRequest(request, response);
    if (universal === null) return answerStatus(response, 400);
    const { body, ...answer } = withPlainMessage(await handler(universal));
    const isWatch = path === WATCH_PATH && body !== undefined;
    const pieces = isWatch ? cutWhenStalled(body, events.stallMs, () => cut(response)) : body;
    await universalResponseToNodeResponse({ ...answer, ...(pieces === undefined ? {} : { body: pieces }) }, response);
  };
  return (request, response) => {
    const brokeOff = (error: unknown) => logger.debug({ err: error, path: request.url }, "a call broke off");
    // A client may end its connection at any moment: whoever reads or writes is told by that.
    for (const stream of [request, response]) stream.on("error", brokeOff);
    serve(request, response).catch((error: unknown) => {
      if (isGone(response)) return brokeOff(error);
      logger.error({ err: error, path: request.url }, "request failed");
      cut(response);
    });
  };
}
