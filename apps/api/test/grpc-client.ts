import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ErrorInfoSchema, RetryInfoSchema } from "@llamero/grpc";

const folder = fileURLToPath(new URL("../../../packages/grpc/proto", import.meta.url));
const protos = ["llamero/v1/jobs.proto", "grpc/health/v1/health.proto", "grpc/reflection/v1alpha/reflection.proto"];
const definitions = loadSync(protos, { includeDirs: [folder], keepCase: true, longs: Number, enums: String, oneofs: true });

/** A message as the stock client has it: fields that are not set are not there. */
export type GrpcMessage = Record<string, unknown>;

/** A job, as far as tests look into it. */
export interface GrpcJob extends GrpcMessage {
  id: string;
  status: string;
  output?: { text?: string };
}

export interface GrpcEvent extends GrpcMessage {
  cursor: string;
  event?: "status" | "delta" | "done";
  delta?: { text: string; tokens: number };
  done?: GrpcJob;
}

export interface GrpcOptions {
  metadata?: Record<string, string>;
  /** From now on, in milliseconds. */
  deadlineMs?: number;
}

export interface GrpcAnswer<Response> {
  response: Response;
  /** What the answer began with. */
  head: Record<string, unknown>;
}

/** A stock gRPC client of one server. */
export class GrpcClient {
  readonly #client: Client;
  readonly #metadata: Record<string, string>;

  /** @param url of the server; @param key shown with every call */
  constructor(url: string, key: string | null = null) {
    this.#client = new Client(new URL(url).host, credentials.createInsecure());
    this.#metadata = key === null ? {} : { authorization: `Bearer ${key}` };
  }

  /** Calls a method that answers once. @throws ServiceError */
  async ask<Response = GrpcJob>(method: string, request: object, options: GrpcOptions = {}): Promise<GrpcAnswer<Response>> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const done = (error: ServiceError | null, response?: Response) =>
      error === null ? resolve(response as Response) : reject(error);
    const { metadata, call } = this.#options(options);
    const calling = this.#client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, call, done);
    const head = once(calling, "metadata").then(([received]) => (received as Metadata).getMap());
    return { response: await promise, head: await head };
  }

  /** The same, when only the response matters. */
  async call<Response = GrpcJob>(method: string, request: object, options: GrpcOptions = {}): Promise<Response> {
    return (await this.ask<Response>(method, request, options)).response;
  }

  /** The error that a call ends with. */
  async refusal(method: string, request: object, options: GrpcOptions = {}): Promise<GrpcError> {
    const answer = await this.ask(method, request, options).catch((error: unknown) => error as ServiceError);
    if (!(answer instanceof Error)) throw new Error(`${method} was answered: ${JSON.stringify(answer.response)}`);
    return errorOf(answer);
  }

  /** The error that a message ends with that no loader would write. */
  async rawRefusal(method: string, message: Uint8Array): Promise<GrpcError> {
    const { path, responseDeserialize } = this.#method(method);
    const { promise, resolve, reject } = Promise.withResolvers<GrpcError>();
    const { metadata } = this.#options({});
    const raw = () => Buffer.from(message);
    this.#client.makeUnaryRequest(path, raw, responseDeserialize, null, metadata, (error) =>
      error === null ? reject(new Error(`${method} was answered`)) : resolve(errorOf(error)),
    );
    return promise;
  }

  /** Calls a method that answers with a stream. */
  stream<Response = GrpcEvent>(method: string, request: object, options: GrpcOptions = {}): ClientReadableStream<Response> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    const { metadata, call } = this.#options(options);
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata, call);
  }

  /** Calls a method that takes a stream and answers with one. */
  duplex<Response = GrpcMessage>(method: string, options: GrpcOptions = {}): ClientDuplexStream<object, Response> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    const { metadata, call } = this.#options(options);
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, call);
  }

  close(): void {
    this.#client.close();
  }

  // biome-ignore lint/suspicious/noExplicitAny: the loader's methods take any message.
  #method(name: string): MethodDefinition<object, any> {
    const [service = "", method = ""] = name.includes("/") ? name.split("/") : ["llamero.v1.Jobs", name];
    const found = (definitions[service] as ServiceDefinition | undefined)?.[method];
    if (found === undefined) throw new Error(`no method ${name}`);
    return found;
  }

  #options({ metadata = {}, deadlineMs }: GrpcOptions): { metadata: Metadata; call: CallOptions } {
    const sent = Metadata.fromHttp2Headers({ ...this.#metadata, ...metadata });
    return { metadata: sent, call: deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs } };
  }
}

export interface GrpcError {
  code: string;
  message: string;
  /** Of google.rpc.ErrorInfo; null without one. */
  reason: string | null;
  param: string | null;
  /** Of google.rpc.RetryInfo; null without one. */
  retrySeconds: number | null;
  metadata: Record<string, unknown>;
}

/** The details of google.rpc.Status: its field 3, each a google.protobuf.Any of type (1) and value (2). */
function detailsOf(bytes: Uint8Array): Map<string, Uint8Array> {
  const details = new Map<string, Uint8Array>();
  const fields = (content: Uint8Array) => {
    const reader = new BinaryReader(content);
    const found = new Map<number, Uint8Array[]>();
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (type === 2) found.set(number, [...(found.get(number) ?? []), reader.bytes()]);
      else reader.skip(type, number);
    }
    return found;
  };
  for (const detail of fields(bytes).get(3) ?? []) {
    const [[type], [value]] = [fields(detail).get(1) ?? [], fields(detail).get(2) ?? []];
    details.set(new TextDecoder().decode(type).replace("type.googleapis.com/", ""), value ?? new Uint8Array());
  }
  return details;
}

/** What the stock client got, with the details that it leaves packed. */
export function errorOf({ code, details: message, metadata }: ServiceError): GrpcError {
  const [packed] = metadata.get("grpc-status-details-bin");
  const details = detailsOf(Buffer.isBuffer(packed) ? packed : Buffer.alloc(0));
  const info = details.get(ErrorInfoSchema.typeName);
  const retry = details.get(RetryInfoSchema.typeName);
  const { reason = null, metadata: about = {} } = info === undefined ? {} : fromBinary(ErrorInfoSchema, info);
  const delay = retry === undefined ? undefined : fromBinary(RetryInfoSchema, retry).retryDelay;
  return {
    ...{ code: status[code] ?? String(code), message, reason, param: about["param"] ?? null },
    retrySeconds: delay === undefined ? null : Number(delay.seconds),
    metadata: metadata.getMap(),
  };
}

/** Everything that a stream has, and the error that it ends with; null when it ends well. */
export async function readAll<Response>(
  stream: AsyncIterable<Response>,
): Promise<{ messages: Response[]; error: GrpcError | null }> {
  const messages: Response[] = [];
  try {
    for await (const message of stream) messages.push(message);
    return { messages, error: null };
  } catch (error) {
    return { messages, error: errorOf(error as ServiceError) };
  }
}

/** The first message of a stream, which is then left. */
export async function readFirst<Response>(stream: ClientReadableStream<Response>): Promise<Response> {
  stream.on("error", () => {});
  const [message] = (await once(stream, "data")) as [Response];
  stream.cancel();
  return message;
}
