import type { Socket } from "node:net";

const lineEnd = Buffer.from("\r\n");

/** An error that Redis answered with, for example `LOADING …` or `NOAUTH …`. */
export class RedisReplyError extends Error {}

/**
 * Sends one command and reads its one reply, a simple string or a bulk string; the connection stays open.
 *
 * Enough Redis to watch over a server; jobs go through `packages/store`.
 *
 * @throws RedisReplyError when Redis answers with an error.
 */
export function redisCall(socket: Socket, command: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const reply = parseReply(received);
    if (reply instanceof Error) reject(reply);
    else if (reply !== null) resolve(reply);
  };
  const onClose = () => reject(new Error("Redis closed the connection."));
  socket.on("data", onData).on("error", reject).on("close", onClose);
  socket.write(`*${command.length}\r\n${command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join("")}`);
  return promise.finally(() => socket.off("data", onData).off("error", reject).off("close", onClose));
}

/** The reply once it is complete; null until then. */
function parseReply(received: Buffer): string | Error | null {
  const headEnd = received.indexOf(lineEnd);
  if (headEnd === -1) return null;
  const head = received.toString("utf8", 1, headEnd);
  if (received[0] === 0x2d) return new RedisReplyError(head);
  if (received[0] !== 0x24) return head;
  const bodyStart = headEnd + lineEnd.length;
  const bodyEnd = bodyStart + Number(head);
  return received.length < bodyEnd + lineEnd.length ? null : received.toString("utf8", bodyStart, bodyEnd);
}
