import { readFile, writeFile } from "node:fs/promises";
import { tinyPath } from "./tiny-engine.ts";

/** GGUF's tensors lie on this boundary; what comes before them may grow by whole steps of it. */
const ALIGNMENT = 32;
const TEMPLATE_KEY = "tokenizer.chat_template";
/** Before a text there is its length, and before that of a value its type. */
const LENGTH_BYTES = 8;
const TYPE_BYTES = 4;

/** A Jinja comment, to fill up with. */
const comment = (bytes: number) => `{#${" ".repeat(bytes)}#}`;

/** Where a text of the file begins, its length included, and where it ends. */
function textAt(file: Buffer, from: number): { from: number; to: number } {
  return { from, to: from + LENGTH_BYTES + Number(file.readBigUInt64LE(from)) };
}

function asText(text: string): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return Buffer.concat([length, Buffer.from(text)]);
}

/** Writes the bundled model with another chat template, and with one token of its vocabulary under another name. */
export async function writeVariant(path: string, template: string, token?: { name: string; becomes: string }): Promise<void> {
  const file = await readFile(tinyPath);
  const { name, becomes } = token ?? { name: "<s>", becomes: "<s>" };
  const renamed = textAt(file, file.indexOf(name) - LENGTH_BYTES);
  const replaced = textAt(file, file.indexOf(TEMPLATE_KEY) + TEMPLATE_KEY.length + TYPE_BYTES);
  const grown = asText(becomes).length + asText(template + comment(0)).length;
  const excess = grown - (renamed.to - renamed.from) - (replaced.to - replaced.from);
  const fill = comment((ALIGNMENT - (excess % ALIGNMENT)) % ALIGNMENT);
  await writeFile(
    path,
    Buffer.concat([
      file.subarray(0, renamed.from),
      asText(becomes),
      file.subarray(renamed.to, replaced.from),
      asText(template + fill),
      file.subarray(replaced.to),
    ]),
  );
}
