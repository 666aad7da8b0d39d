import { Readable } from "node:stream";
import { AppError } from "@llamero/core";
import { missing, unavailable } from "./errors.ts";
import { checkName, type Storage } from "./storage.ts";

/** S3 takes no smaller parts than 5 MiB, and 10,000 of them: objects of 80 GB at most. In bytes. */
const PART_BYTES = 8_388_608;
/** Parts under way at once, each in memory. */
const PARTS_AT_ONCE = 2;
/** Removals under way at once. */
const REMOVALS_AT_ONCE = 16;
const REGION = "us-east-1";

export interface S3Location {
  bucket: string;
  /** Stands before each name; '' or ends in a slash. */
  prefix: string;
}

/** `s3://bucket/some/folder` */
export function parseS3Url(url: string): S3Location {
  const [, bucket = "", folder = ""] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(url) ?? [];
  const trimmed = folder.replace(/\/+$/, "");
  return { bucket, prefix: trimmed === "" ? "" : `${trimmed}/` };
}

function wrap(error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (error instanceof Error && (error.name === "NoSuchKey" || error.name === "NotFound")) return missing(error);
  // What a source has thrown comes through as it is; what the client throws says who it is.
  return error instanceof Error && ("$metadata" in error || "code" in error || error.name.endsWith("Error"))
    ? unavailable(error)
    : error;
}

/**
 * Objects in an S3-compatible bucket. Region, credentials and endpoint are what the AWS SDK finds, in AWS_REGION, AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL_S3 and the other places it knows.
 */
export async function s3Storage(url: string, env: Readonly<Record<string, string | undefined>>): Promise<Storage> {
  // Half a second and 30 MB, which only those pay who use it.
  const [{ S3Client, GetObjectCommand, DeleteObjectCommand }, { Upload }] = await Promise.all([
    import("@aws-sdk/client-s3"),
    import("@aws-sdk/lib-storage"),
  ]);
  const { bucket, prefix } = parseS3Url(url);
  const client = new S3Client({
    // Servers other than Amazon's seldom have a host name per bucket.
    forcePathStyle: Boolean(env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"]),
    ...(env["AWS_REGION"] ? {} : { region: REGION }),
    // Newer checksums are not known to all servers.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const at = (name: string) => ({ Bucket: bucket, Key: prefix + checkName(name) });
  return {
    write: async (name, source) => {
      let size = 0;
      let failure: unknown = null;
      async function* counted() {
        try {
          for await (const part of source) {
            size += part.byteLength;
            yield part;
          }
        } catch (error) {
          failure = error;
          throw error;
        }
      }
      const upload = new Upload({
        client,
        params: { ...at(name), Body: Readable.from(counted(), { objectMode: false }) },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_ONCE,
      });
      try {
        await upload.done();
        return size;
      } catch (error) {
        throw failure ?? wrap(error);
      }
    },
    async *read(name, range) {
      if (range !== undefined && range.end <= range.start) return;
      const bounds = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` };
      try {
        const { Body } = await client.send(new GetObjectCommand({ ...at(name), ...bounds }));
        yield* Body as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw wrap(error);
      }
    },
    remove: async (names) => {
      try {
        for (let from = 0; from < names.length; from += REMOVALS_AT_ONCE) {
          const some = names.slice(from, from + REMOVALS_AT_ONCE);
          await Promise.all(some.map((name) => client.send(new DeleteObjectCommand(at(name)))));
        }
      } catch (error) {
        throw wrap(error);
      }
    },
    close: () => client.destroy(),
  };
}
