import { AppError, parseJson } from "@llamero/core";

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

function tooLarge(maxBytes: number): AppError {
  return new AppError("payload_too_large", `The body is larger than ${maxBytes} bytes. Split the work into several jobs.`);
}

/** What `content-length` says; null when the body is sent in chunks. */
function announcedLength(headers: Headers): number | null {
  const text = headers.get("content-length") ?? "";
  return /^\d+$/.test(text) ? Number(text) : null;
}

/**
 * Refuses a request by what it says of its body, before any of it is read: also for routes that read none.
 * @throws AppError `payload_too_large`
 */
export function checkAnnounced(headers: Headers, maxBytes: number): void {
  if ((announcedLength(headers) ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  checkAnnounced(request.headers, maxBytes);
  // The server holds a client to what it announced, so the fast path is bounded.
  if (announcedLength(request.headers) !== null) return new Uint8Array(await request.arrayBuffer());
  if (request.body === null) return new Uint8Array();
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body) {
    size += part.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  try {
    return await readBytes(request, maxBytes);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    // The client went away: nobody reads this answer, and it is no failure of ours.
    throw new AppError("invalid_request", "The connection ended before the body was complete.", { cause });
  }
}

/** @throws AppError `unsupported_media_type` */
export function checkJsonHeaders(headers: Headers): void {
  const type = headers.get("content-type") ?? "";
  if (!JSON_TYPE.test(type.trim())) {
    const got = type === "" ? "none was given" : `got "${type.slice(0, 100)}"`;
    throw new AppError("unsupported_media_type", `Send the body with the header "content-type: application/json"; ${got}.`);
  }
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    throw new AppError("unsupported_media_type", `Send the body without content-encoding; got "${encoding.slice(0, 100)}".`);
}

/**
 * Reads a request's JSON body; a body over the limit is refused before it is read.
 * @throws AppError `unsupported_media_type`, `payload_too_large`, `invalid_json`, `invalid_request`
 */
export async function readJson(request: Request, maxBytes: number): Promise<unknown> {
  checkJsonHeaders(request.headers);
  const bytes = await readBody(request, maxBytes);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("invalid_json", "The body is not valid UTF-8.", { cause });
  }
  return parseJson(text);
}
