import type { Held } from "./held.ts";
import { readLines } from "./lines.ts";

/**
 * What the batch that is to be reused has answered in a segment: its lines of output as they are, by `custom_id`. Both batches have the
 * same segments. Empty where there is none.
 */
export async function reusedLines({ store, storage, batch }: Held, segment: number): Promise<Map<string, string>> {
  const lines = new Map<string, string>();
  const fileId = batch.reuse?.outputFileId ?? null;
  if (fileId === null) return lines;
  const file = await store.files.get({ id: fileId, owner: batch.owner });
  const part = file === null ? undefined : (await store.files.objectsOf(file)).find((object) => object.segment === segment);
  if (part === undefined) return lines;
  for await (const { bytes } of readLines(storage.read(part.name), { maxBytes: part.bytes })) {
    const text = Buffer.from(bytes).toString();
    const { custom_id } = JSON.parse(text) as { custom_id: string };
    lines.set(custom_id, text);
  }
  return lines;
}
