import fc, { type Arbitrary } from "fast-check";
import type { Draft, Pair } from "./draft.ts";
import { oddText } from "./odd-value.ts";

/** Gets one thing of a request wrong. */
export type Slip = (draft: Draft) => void;

const methods = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY"] as const;
const contentTypes = [
  ...["text/plain", "application/jsonp", "application/json; charset=latin1", "multipart/form-data; boundary=x", ""],
  ...["application/json, application/json", "APPLICATION/JSON", "application/vnd.api+json", "x".repeat(3_000)],
];
const credentials = [
  "",
  "Bearer",
  "Bearer ",
  "Bearer wrong",
  "Basic YTpi",
  "Bearer a b",
  "bearer\tx",
  `Bearer ${"k".repeat(5_000)}`,
  "Bearer é",
];
const targets = ["/%", "/%ff", "/%00", "//", "/..", "?", "#", ";", "/x", "%2f", "/é"];
const queries = [
  "=",
  "&",
  "a=%",
  "%",
  "a=%ff",
  "a",
  "[]=1",
  "metadata[a][b]=c",
  "metadata=x",
  "metadata[__proto__]=x",
  "q".repeat(9_000),
];
/** Headers that servers, frameworks and proxies act on. */
const headers: readonly Pair[] = [
  ["expect", "100-continue"],
  ["expect", "nonsense"],
  ["content-encoding", "gzip"],
  ["content-length", "99999999999"],
  ["content-length", "-1"],
  ["transfer-encoding", "chunked"],
  ["transfer-encoding", "gzip"],
  ["accept", "image/png"],
  ["accept-encoding", "br;q=x"],
  ["host", ""],
  ["host", "evil.example"],
  ["host", "a b"],
  ["connection", "upgrade"],
  ["upgrade", "websocket"],
  ["x-request-id", "x".repeat(500)],
  ["x-request-id", "é"],
  ["x-http-method-override", "DELETE"],
  ["range", "bytes=0-0"],
  ["if-none-match", "*"],
  ["cookie", "a=b; ".repeat(500)],
  ["x-long", "h".repeat(20_000)],
];

function setHeader(draft: Draft, name: string, value: string | null): void {
  draft.headers = draft.headers.filter(([other]) => other !== name);
  if (value !== null) draft.headers.push([name, value]);
}

const addQuery = (draft: Draft, pair: Pair) => void draft.query.push(pair);

function readdress(draft: Draft, change: Partial<Pick<Draft, "method" | "path">>): void {
  Object.assign(draft, change, { isAddressed: false });
}

const addressSlips: Arbitrary<Slip> = fc.oneof(
  fc.constantFrom(...methods).map(
    (method): Slip =>
      (draft) =>
        readdress(draft, { method }),
  ),
  fc.constantFrom(...targets).map(
    (piece): Slip =>
      (draft) =>
        readdress(draft, { path: draft.path + piece }),
  ),
  fc.nat(60).map(
    (at): Slip =>
      (draft) =>
        readdress(draft, { path: draft.path.slice(0, at) || "/" }),
  ),
);

const encoded = oddText.map((text) => encodeURIComponent(text.toWellFormed()));
const querySlips: Arbitrary<Slip> = fc.oneof(
  fc.tuple(encoded, encoded).map(
    (pair): Slip =>
      (draft) =>
        addQuery(draft, pair),
  ),
  fc.constantFrom(...queries).map(
    (text): Slip =>
      (draft) =>
        addQuery(draft, [text, ""]),
  ),
  fc.constant<Slip>((draft) => draft.query.push(...draft.query)),
);

const oddHeaders = fc.tuple(fc.constantFrom("idempotency-key", "prefer", "last-event-id", "x-a"), oddText);
const headerSlips: Arbitrary<Slip> = fc.oneof(
  fc.constantFrom(...contentTypes, null).map(
    (type): Slip =>
      (draft) =>
        setHeader(draft, "content-type", type),
  ),
  fc.oneof(fc.constantFrom(...headers), oddHeaders).map(
    (pair): Slip =>
      (draft) =>
        void draft.headers.push(pair),
  ),
  fc.constant<Slip>((draft) => draft.headers.push(...draft.headers)),
);

/** Larger than the limit that the API is given. */
const TOO_LARGE_BYTES = 600_000;
const bodySlips: Arbitrary<Slip> = fc
  .constantFrom(
    () => null,
    () => Buffer.alloc(TOO_LARGE_BYTES, " "),
    () => Buffer.from("{}"),
  )
  .map(
    (body): Slip =>
      (draft) =>
        void Object.assign(draft, { body: body() }),
  );

/** @param keys the second is another owner's */
export function slips([, foreign = ""]: readonly string[]): Arbitrary<Slip> {
  const keySlips = fc.constantFrom(...credentials, null, `Bearer ${foreign}`, `Bearer ${foreign}`).map(
    (text): Slip =>
      (draft) =>
        setHeader(draft, "authorization", text),
  );
  return fc.oneof(addressSlips, querySlips, headerSlips, keySlips, bodySlips);
}
