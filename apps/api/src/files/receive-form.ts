import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyFileStream, type BusboyInstance } from "@fastify/busboy";
import { AppError } from "@llamero/core";

/** Fields besides the file, and bytes of one. */
const MOST_FIELDS = 16;
const FIELD_BYTES = 1_024;

/** A part of a form that is a file. */
export interface FormFile {
  filename: string;
  /** Its bytes as they arrive. @throws AppError `payload_too_large` behind the most that are taken, `invalid_request` where they break off */
  content: AsyncIterable<Uint8Array>;
}

export interface FormOptions<T> {
  /** Most bytes of a file. */
  maxBytes: number;
  /** The name of the field that is the file. */
  fileField: string;
  /** Takes the file while it arrives. */
  onFile: (file: FormFile) => Promise<T>;
}

export interface ReceivedForm<T> {
  fields: Record<string, string>;
  file: T;
}

const MULTIPART = /^multipart\/form-data\s*;.*boundary=/i;

function formOf(headers: Headers, maxBytes: number): BusboyInstance {
  const type = headers.get("content-type") ?? "";
  if (!MULTIPART.test(type)) {
    const got = type === "" ? "none was given" : `got "${type.slice(0, 100)}"`;
    const text = `Send the file as a form, with the header "content-type: multipart/form-data; boundary=…"; ${got}.`;
    throw new AppError("unsupported_media_type", text);
  }
  try {
    // One byte more, so that a file of just that length is not taken for one that was cut off.
    const limits = { files: 1, fields: MOST_FIELDS, fieldSize: FIELD_BYTES, fileSize: maxBytes + 1 };
    return new Busboy({ headers: { "content-type": type }, limits });
  } catch (cause) {
    throw new AppError("unsupported_media_type", "The content-type of the form cannot be read.", { cause });
  }
}

const tooLarge = (maxBytes: number) =>
  new AppError("payload_too_large", `The file is larger than ${maxBytes} bytes. Split it into several.`, { param: "file" });

/** What the form breaks off with says nothing that its sender would not know. */
const brokenOff = (cause: unknown) =>
  new AppError("invalid_request", "The connection ended before the form was complete, or it is malformed.", { cause });

async function* contentOf(stream: BusboyFileStream, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    for await (const part of stream as AsyncIterable<Uint8Array>) {
      size += part.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      yield part;
    }
  } catch (error) {
    throw error instanceof AppError ? error : brokenOff(error);
  }
}

/**
 * Reads a form with one file, in memory that does not grow with it.
 * @throws AppError `unsupported_media_type`, `invalid_request`, `payload_too_large`, and what `onFile` throws
 */
export async function receiveForm<T>(
  { body, headers }: { body: ReadableStream<Uint8Array> | null; headers: Headers },
  { maxBytes, fileField, onFile }: FormOptions<T>,
): Promise<ReceivedForm<T>> {
  const form = formOf(headers, maxBytes);
  const fields: Record<string, string> = {};
  let taken: Promise<T> | null = null;
  let open: BusboyFileStream | null = null;
  let failure: unknown = null;
  form.on("field", (name: string, value: string) => {
    if (Object.hasOwn(fields, name) || name === "__proto__")
      failure ??= new AppError("invalid_request", `${name.slice(0, 100)} is not taken twice.`);
    else fields[name] = value;
  });
  form.on("file", (name: string, stream: BusboyFileStream, filename: string) => {
    if (name !== fileField) {
      failure ??= new AppError("unknown_parameter", `Unknown file: ${name.slice(0, 100)}. The file's field is ${fileField}.`, {
        param: name.slice(0, 100),
      });
      stream.resume();
      return;
    }
    open = stream;
    // The parser tells of a part without an end, but ends it only where somebody reads it already.
    stream.on("error", (error) => stream.destroy(error));
    taken = onFile({ filename: filename ?? "", content: contentOf(stream, maxBytes) });
    taken.catch((error: unknown) => {
      failure ??= error;
      // The rest of the form is not read.
      form.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  form.on("filesLimit", () => {
    failure ??= new AppError("invalid_request", "Send one file at a time.", { param: fileField });
  });
  try {
    await pipeline(body === null ? Readable.from([]) : Readable.fromWeb(body as import("node:stream/web").ReadableStream), form);
  } catch (error) {
    // What has taken the file so far ends with it.
    (open as BusboyFileStream | null)?.destroy(brokenOff(error));
    await (taken as Promise<T> | null)?.catch(() => {});
    throw failure ?? brokenOff(error);
  }
  const file: T | undefined = await (taken ?? undefined);
  if (failure !== null) throw failure;
  if (file === undefined)
    throw new AppError("invalid_request", `Give the file, as the form's field ${fileField}.`, { param: fileField });
  return { fields, file };
}
