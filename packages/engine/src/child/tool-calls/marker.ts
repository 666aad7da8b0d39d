import { beginningAtEnd } from "../stop-text.ts";
import type { ToolFormat } from "./tool-format.ts";

/** Finds calls that begin with a marker, anywhere in an answer; white space before it belongs to neither side. */
export function lookFor(marker: string): ToolFormat["look"] {
  return (text) => {
    const found = text.indexOf(marker);
    const end = found >= 0 ? found : text.length - beginningAtEnd(text, marker);
    return { contentUpTo: text.slice(0, end).trimEnd().length, callsFrom: found >= 0 ? found : null };
  };
}
