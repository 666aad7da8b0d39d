import type { Route } from "./route.ts";

/** Most bytes that are taken. */
export interface BodyLimits {
  /** Of a body that is JSON. */
  maxBodyBytes: number;
  /** Of a file. */
  maxFileBytes: number;
}

/** What a form may take besides its file, in bytes. */
const FORM_BYTES = 65_536;

const isUpload = ({ request }: Pick<Route, "request">) => request?.upload !== undefined;

/** Most bytes of the body of a route. */
export function bodyLimit({ maxBodyBytes, maxFileBytes }: BodyLimits, route: Pick<Route, "request">): number {
  return isUpload(route) ? maxFileBytes + FORM_BYTES : maxBodyBytes;
}

/** The same by a request's target, for requests that are answered before they are routed. */
export function bodyLimitAt(limits: BodyLimits, routes: readonly Route[], target = ""): number {
  const path = target.split("?")[0];
  return bodyLimit(limits, routes.find((route) => route.path === path && isUpload(route)) ?? {});
}
