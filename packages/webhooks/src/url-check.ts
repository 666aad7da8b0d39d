import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { AppError, MAX_WEBHOOK_URL_CHARS } from "@llamero/core";
import type { AddressGuard } from "./address-guard.ts";
import { type Resolve, systemResolve } from "./resolve.ts";

/** Longest wait for DNS at submission, in milliseconds. What is not known by then is found out at delivery. */
const RESOLVE_TIMEOUT_MS = 2_000;

export interface UrlRules {
  readonly guard: AddressGuard;
  /** Default: false. */
  readonly allowHttp?: boolean;
}

export interface UrlCheckOptions extends UrlRules {
  /** Default: as the operating system does. */
  readonly resolve?: Resolve;
  /** Default: 2000. */
  readonly resolveTimeoutMs?: number;
  /** The request field at fault. Default: `webhook.url`. */
  readonly param?: string;
}

/** The port that a parsed URL leads to. */
export function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "http:" ? 80 : 443;
}

/** The literal address of a URL's host, without brackets; null when the host is a name. */
export function literalAddress(url: URL): string | null {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? null : host;
}

/**
 * Refuses a URL that can be known to be unusable without asking anyone.
 * @returns the parsed URL: its host is normalised, so that an IPv4 address in any notation is one of four decimal parts
 * @throws AppError `invalid_request`, which does not repeat the URL
 */
export function parseWebhookUrl(text: string, { guard, allowHttp = false }: UrlRules, param = "webhook.url"): URL {
  const refuse = (reason: string): never => {
    throw new AppError("invalid_request", `The webhook URL ${reason}.`, { param });
  };
  const problem = spellingProblem(text);
  if (problem !== null) refuse(problem);
  const url = URL.parse(text) ?? refuse("cannot be read; check its host and port");
  // Asked of the parsed host: there are other full stops than the ASCII one.
  if (url.hostname.endsWith(".")) refuse("must not have a host that ends with a dot");
  if (url.protocol === "http:" && !allowHttp) refuse("must begin with https://; this server does not send to http");
  const port = portOf(url);
  const reason = guard.portRefusal(port) ?? hostRefusal(url, port, guard);
  if (reason !== null) refuse(`has ${reason}, which this server does not send to`);
  return url;
}

/** What is wrong with the text itself, before a parser mends it. */
function spellingProblem(text: string): string | null {
  if (text.length > MAX_WEBHOOK_URL_CHARS) return `is longer than ${MAX_WEBHOOK_URL_CHARS} characters`;
  if (/[\s\p{Cc}\p{Cf}\\]/u.test(text)) return "has spaces, control characters or backslashes; percent-encode them";
  const authority = /^https?:\/\/([^/?#]+)/i.exec(text)?.[1];
  if (authority === undefined) return "must begin with https:// and a host";
  if (authority.includes("@")) return "must not carry a user name or password; receivers verify the signature";
  if (authority.includes("%")) return "must not have a percent-encoded host or a zone id";
  if (text.includes("#")) return "must not have a fragment; it would not be sent";
  return null;
}

function hostRefusal(url: URL, port: number, guard: AddressGuard): string | null {
  const literal = literalAddress(url);
  if (literal !== null) return guard.refusal(literal, port);
  if (!/(^|\.)localhost$/.test(url.hostname)) return null;
  const refusals = ["127.0.0.1", "::1"].map((address) => guard.refusal(address, port));
  return refusals.includes(null) ? null : "a loopback address";
}

/**
 * Refuses a URL at submission. One forbidden address is enough to refuse a name: whoever mixes them controls which is used.
 * A name that cannot be resolved now is accepted, since DNS may be down; each delivery checks again and connects to nothing else
 * than what it checked.
 * @throws AppError `invalid_request`
 */
export async function checkWebhookUrl(text: string, options: UrlCheckOptions): Promise<URL> {
  const { guard, resolve = systemResolve, resolveTimeoutMs = RESOLVE_TIMEOUT_MS, param = "webhook.url" } = options;
  const url = parseWebhookUrl(text, options, param);
  if (literalAddress(url) !== null) return url;
  const addresses = await resolveWithin(resolve, url.hostname, resolveTimeoutMs);
  for (const address of addresses) {
    const reason = guard.refusal(address, portOf(url));
    if (reason === null) continue;
    throw new AppError("invalid_request", `The webhook URL's host has ${reason}, which this server does not send to.`, { param });
  }
  return url;
}

/** The addresses of a name; none when they cannot be had in time. */
async function resolveWithin(resolve: Resolve, hostname: string, timeoutMs: number): Promise<readonly string[]> {
  const answered = new AbortController();
  const tooLate = delay(timeoutMs, [], { signal: answered.signal }).catch(() => []);
  try {
    return await Promise.race([resolve(hostname).catch(() => []), tooLate]);
  } finally {
    answered.abort();
  }
}
