/** Characters of a caller's own text that an error message repeats. */
const SHOWN = 100;

/** A caller's text as a message may repeat it. */
export function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}
