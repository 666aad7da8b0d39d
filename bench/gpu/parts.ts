import { createHash } from "node:crypto";
import { mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Part {
  name: string;
  sizeBytes: number;
  sha256: string;
}

export interface PartsOptions {
  folder: string;
  /** Parts are called after it: `NAME.000`, `NAME.001`, …; `cat NAME.[0-9]*` puts them together again. */
  name: string;
  /** Size of every part but the last. */
  partBytes: number;
}

/** Parts of an earlier archive of the same name would be taken for parts of this one. */
async function removeParts(folder: string, name: string): Promise<void> {
  const isPart = (file: string) => file.startsWith(`${name}.`) && /^(\d{3}|sha256)$/.test(file.slice(name.length + 1));
  for (const file of await readdir(folder)) if (isPart(file)) await rm(join(folder, file));
}

/** Chunks of exactly `size` bytes, the last one shorter. */
async function* recut(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array[]> {
  let [held, heldBytes]: [Uint8Array[], number] = [[], 0];
  for await (const chunk of source) {
    let rest = chunk;
    while (heldBytes + rest.length >= size) {
      yield [...held, rest.subarray(0, size - heldBytes)];
      rest = rest.subarray(size - heldBytes);
      [held, heldBytes] = [[], 0];
    }
    if (rest.length > 0) held.push(rest);
    heldBytes += rest.length;
  }
  if (heldBytes > 0) yield held;
}

async function writePart(path: string, chunks: readonly Uint8Array[]): Promise<Omit<Part, "name">> {
  const [hash, file] = [createHash("sha256"), await open(path, "w")];
  let sizeBytes = 0;
  try {
    for (const chunk of chunks) {
      hash.update(chunk);
      await file.writeFile(chunk);
      sizeBytes += chunk.length;
    }
  } finally {
    await file.close();
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}

/** Cuts a stream into files, and lists them in `NAME.sha256` the way `sha256sum --check` reads it. */
export async function writeParts(source: AsyncIterable<Uint8Array>, { folder, name, partBytes }: PartsOptions): Promise<Part[]> {
  await mkdir(folder, { recursive: true });
  await removeParts(folder, name);
  const parts: Part[] = [];
  for await (const chunks of recut(source, partBytes)) {
    const part = `${name}.${String(parts.length).padStart(3, "0")}`;
    parts.push({ name: part, ...(await writePart(join(folder, part), chunks)) });
  }
  const lines = parts.map((part) => `${part.sha256}  ${part.name}\n`);
  await writeFile(join(folder, `${name}.sha256`), lines.join(""));
  return parts;
}
