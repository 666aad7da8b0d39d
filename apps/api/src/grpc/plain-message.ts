import type { UniversalServerResponse } from "@connectrpc/connect/protocol";

const HEADER = "grpc-message";

/** As gRPC has it: only what is not printable ASCII, and `%`, is percent-encoded. */
const encode = (text: string) => text.replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);

/** Gives the same pieces. What stands behind them is known when all have been read. */
async function* readThrough(pieces: AsyncIterable<Uint8Array>, trailer: Headers): AsyncGenerator<Uint8Array, void, void> {
  yield* pieces;
  const message = trailer.get(HEADER);
  if (message !== null) trailer.set(HEADER, encode(decodeURIComponent(message)));
}

/**
 * Connect encodes more of an error's message than gRPC asks for, and `@grpc/grpc-js` decodes no more than that: without this,
 * its users read `%3A` for a colon.
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Responses"
 */
export function withPlainMessage(response: UniversalServerResponse): UniversalServerResponse {
  const { body, trailer } = response;
  return body === undefined || trailer === undefined ? response : { ...response, body: readThrough(body, trailer) };
}
