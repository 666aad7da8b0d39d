import type { Runtime } from "@llamero/core";
import { modelMark } from "@llamero/store";

/** The mark of a model as this engine has it, which may be another than the catalogue's; null where nobody knows. */
export function markOf({ models }: Pick<Runtime, "models">, name: string): string | null {
  const model = models.find((each) => each.name === name);
  return model === undefined ? null : modelMark(model);
}

/** What has run, for the end of an attempt. */
export function ranBy(runtime: Pick<Runtime, "models">, name: string): { ran?: string } {
  const ran = markOf(runtime, name);
  return ran === null ? {} : { ran };
}
