import type { Call } from "./route.ts";

const FIRST = /^[^,\s]+/;

/** Where the API is for its client: what it has addressed, or what a proxy in front says that it has. */
export function originOf({ headers, url }: Pick<Call<unknown, unknown, unknown>, "headers" | "url">): string {
  const protocol = FIRST.exec(headers.get("x-forwarded-proto") ?? "")?.[0] ?? "";
  const { origin, host } = new URL(url);
  return protocol === "https" || protocol === "http" ? `${protocol}://${host}` : origin;
}
