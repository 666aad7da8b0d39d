import { AddressRefused } from "./address-guard.ts";

/** What an attempt came to. `gone`: the receiver answered 410 and wants nothing more at this URL. */
export type AttemptOutcome = "delivered" | "failed" | "gone";

/** Why an attempt was not a delivery: a short code that stays, and what to do. Never a URL, a secret or a foreign message. */
const messages = {
  http_status: "The receiver did not answer with a 2xx status.",
  redirect: "The receiver redirected; redirects are not followed. Register the URL that it points to.",
  gone: "The receiver answered 410 Gone: it wants no more events at this URL.",
  blocked: "The URL is not permitted, or its host has an address that is not; see docs/webhooks.md.",
  dns: "The host name could not be resolved.",
  refused: "The receiver refused the connection; is it listening at this port?",
  unreachable: "There is no route to the receiver.",
  reset: "The receiver closed the connection before it had answered.",
  tls: "TLS failed; check the receiver's certificate and that the port speaks TLS.",
  timeout: "The receiver did not answer in time.",
  too_large: "The headers of the answer are too large.",
  bad_response: "The answer is not valid HTTP.",
  aborted: "The attempt was stopped by a shutdown. It does not count.",
  network: "The connection failed.",
} as const;
export type AttemptErrorCode = keyof typeof messages;

export interface AttemptError {
  readonly code: AttemptErrorCode;
  readonly message: string;
}

export function attemptError(code: AttemptErrorCode): AttemptError {
  return { code, message: messages[code] };
}

/** What a status means: Standard Webhooks 1.0, "Delivery success and failure". */
export function judgeStatus(status: number): { outcome: AttemptOutcome; error: AttemptError | null } {
  if (status >= 200 && status < 300) return { outcome: "delivered", error: null };
  if (status === 410) return { outcome: "gone", error: attemptError("gone") };
  return { outcome: "failed", error: attemptError(status >= 300 && status < 400 ? "redirect" : "http_status") };
}

/** Codes of Node, OpenSSL, llhttp and undici, in the order in which they are looked for. */
const patterns: readonly [AttemptErrorCode, RegExp][] = [
  ["dns", /^(ENOTFOUND|ENODATA|EAI_)/],
  ["refused", /^ECONNREFUSED$/],
  ["unreachable", /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/],
  ["timeout", /^(ETIMEDOUT|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/],
  ["too_large", /^UND_ERR_HEADERS_OVERFLOW$/],
  ["bad_response", /^UND_ERR_RES_/],
  ["reset", /^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/],
  ["aborted", /^UND_ERR_(DESTROYED|CLOSED)$/],
  [
    "tls",
    /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|CRL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH|ERROR_IN_C)/,
  ],
];

/** Finds what is behind an error of a request, its causes and the errors that it gathers included. */
export function judgeError(error: unknown): AttemptError {
  for (const each of withCauses(error)) {
    if (each instanceof AddressRefused) return attemptError("blocked");
    if (each.name === "TimeoutError") return attemptError("timeout");
    // undici gives a parser's error no code in most cases.
    if (each.name === "HTTPParserError") return attemptError("bad_response");
    const code = "code" in each ? String(each.code) : "";
    const found = patterns.find(([, pattern]) => pattern.test(code));
    if (found !== undefined) return attemptError(found[0]);
  }
  return attemptError("network");
}

function withCauses(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 4) return [];
  const gathered = error instanceof AggregateError ? error.errors : [];
  return [error, ...[error.cause, ...gathered].flatMap((each) => withCauses(each, depth + 1))];
}
