/** RFC 9110, 5.6.7: the date of today, of RFC 850 (both end in GMT) and of asctime (which is GMT and does not say so). */
const HTTP_DATE = /^[A-Z][a-z]{2,8},? [\w :-]{15,30}$/;

/**
 * Reads a `Retry-After` header: seconds, or an HTTP date. @returns milliseconds from now, 0 for a date that has passed; null
 * when it says nothing that can be read
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  const text = header?.trim() ?? "";
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  if (!HTTP_DATE.test(text)) return null;
  const at = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
