import { AppError, shorten } from "@llamero/core";

/** `metadata.key=value` as people write it, `metadata[key]=value` as generated clients do (OpenAPI's deepObject). */
const METADATA = /^metadata(?:\.(?<dotted>.+)|\[(?<bracketed>.+)\])$/s;

function refuse(message: string, param: string): never {
  throw new AppError("invalid_request", message, { param });
}

function checkEncoding(search: string): void {
  try {
    decodeURIComponent(search);
  } catch {
    throw new AppError("invalid_request", "The query string is not percent-encoded UTF-8.");
  }
}

/**
 * The query string as an object for a schema: metadata pairs gather under `metadata`.
 * @throws AppError `invalid_request` for a parameter that is given twice and for what is not percent-encoded UTF-8
 */
export function readQuery(url: string): Record<string, unknown> {
  const { search, searchParams } = new URL(url);
  checkEncoding(search);
  const plain = new Map<string, string>();
  const metadata = new Map<string, string>();
  for (const [name, value] of searchParams) {
    const pair = METADATA.exec(name)?.groups;
    const target = pair === undefined ? plain : metadata;
    const key = pair?.["dotted"] ?? pair?.["bracketed"] ?? name;
    if (target.has(key)) refuse(`${shorten(name)} is given twice.`, shorten(name));
    if (key === "__proto__") refuse(`${name} is not taken.`, name);
    target.set(key, value);
  }
  const query: Record<string, unknown> = Object.fromEntries(plain);
  if (metadata.size === 0) return query;
  if (plain.has("metadata")) refuse("Write metadata filters as metadata.key=value.", "metadata");
  return { ...query, metadata: Object.fromEntries(metadata) };
}
