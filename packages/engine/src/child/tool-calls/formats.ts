import { hermes } from "./hermes.ts";
import { llama3 } from "./llama3.ts";
import { mistral, mistralNamed } from "./mistral.ts";
import type { ToolFormat } from "./tool-format.ts";

const formats: readonly ToolFormat[] = [hermes, mistral, mistralNamed, llama3];

/** The format in which models with this chat template write tool calls; null when the template knows of none. */
export function formatOf(template: string): ToolFormat | null {
  if (!/\btools\b/.test(template)) return null;
  return formats.find((format) => format.fits(template)) ?? null;
}
