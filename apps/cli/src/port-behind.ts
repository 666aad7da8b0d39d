/** A port for one of several processes, as its variable is written: so many behind the first; 0 picks a free one for each; empty is none. */
export function portBehind(first: number | undefined, offset: number): string {
  if (first === undefined) return "";
  return String(first === 0 ? 0 : first + offset);
}
