import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { KeyScope } from "@llamero/core";
import { during, readTraceparent } from "@llamero/process";
import { type Auth, authorise, type Caller } from "../auth.ts";
import type { HeaderReader } from "../idempotency.ts";
import type { FailedCall, GrpcErrors } from "./grpc-errors.ts";
import { itemsUnlessAborted, unlessAborted } from "./unless-aborted.ts";

/** A call of somebody who may make it. */
export interface GrpcCall extends FailedCall {
  caller: Caller;
  metadata: HeaderReader;
  /** Aborts when the client is gone or its deadline has passed. */
  signal: AbortSignal;
  /** What the answer begins with. */
  head: Headers;
  /** What the answer ends with. */
  trailer: Headers;
}

export interface CallsOptions {
  auth: Auth;
  errors: GrpcErrors;
  newRequestId: () => string;
}

/** As the HTTP API takes ids of requests from its clients. */
const REQUEST_ID = /^[\w=-]{1,128}$/;

/** The call as its gate has let it in. */
const LET_IN = createContextKey<GrpcCall | null>(null);

function letIn({ values }: HandlerContext): GrpcCall {
  const call = values.get(LET_IN);
  if (call === null) throw new Error("a call has passed no gate");
  return call;
}

/** What a call makes is a part of the trace that its client has begun. */
function traced<T>({ metadata, requestId }: GrpcCall, work: () => T): T {
  return during({ traceparent: readTraceparent(metadata.get("traceparent")), requestId }, work);
}

/** What all methods have in common: who calls, how long for, and what is told when it goes wrong. */
export class Calls {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Finds out who calls before anything is read of his messages. @param scopes what each method needs, by its name */
  gate(scopes: Readonly<Record<string, KeyScope>>): (context: HandlerContext) => Promise<void> {
    return async (context) => {
      const { auth, errors } = this.#options;
      const { requestHeader, responseHeader, responseTrailer, signal, method } = context;
      const named = { method: method.name, requestId: this.#requestId(requestHeader) };
      responseHeader.set("x-request-id", named.requestId);
      const header = (name: string) => requestHeader.get(name);
      const scope = scopes[method.name] ?? "admin";
      const authorising = authorise(auth, { host: new URL(context.url).host, header }, scope);
      try {
        const caller = await unlessAborted(signal, authorising, (error) => errors.unheard(error, named));
        const call = { ...named, caller, metadata: requestHeader, signal, head: responseHeader, trailer: responseTrailer };
        context.values.set(LET_IN, call);
      } catch (error) {
        throw errors.ofCall(error, named);
      }
    };
  }

  /** A method that answers once. Its client is answered at once when its deadline passes, whatever it is waiting for. */
  unary<Request, Response>(handle: (request: Request, call: GrpcCall) => Promise<Response>) {
    return async (request: Request, context: HandlerContext): Promise<Response> => {
      const { errors } = this.#options;
      const call = letIn(context);
      try {
        call.signal.throwIfAborted();
        return await unlessAborted(
          call.signal,
          traced(call, () => handle(request, call)),
          (error) => errors.unheard(error, call),
        );
      } catch (error) {
        throw errors.ofCall(error, call);
      }
    };
  }

  /** A method that answers with a stream; the same holds. */
  streaming<Request, Response>(handle: (request: Request, call: GrpcCall) => AsyncGenerator<Response, void, void>) {
    const { errors } = this.#options;
    return async function* (request: Request, context: HandlerContext): AsyncGenerator<Response, void, void> {
      const call = letIn(context);
      try {
        yield* itemsUnlessAborted(call.signal, handle(request, call), (error) => errors.unheard(error, call));
      } catch (error) {
        throw errors.ofCall(error, call);
      }
    };
  }

  #requestId(metadata: HeaderReader): string {
    const given = metadata.get("x-request-id");
    return given !== null && REQUEST_ID.test(given) ? given : this.#options.newRequestId();
  }
}
