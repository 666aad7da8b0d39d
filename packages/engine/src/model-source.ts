import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { AppError } from "@llamero/core";

/** Where a model comes from: a file on this machine (of a split model: its first part), or a repository to download from. */
export type ModelSource = { kind: "file"; name: string; path: string } | { kind: "hf"; name: string; uri: string };

const ALIAS = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$/;
const HF_URI = /^hf:[^/\s:]+\/[^/\s:]+([:/].+)?$/;
const PART = /-(\d{5})-of-(\d{5})\.gguf$/i;
/** Projectors of vision models lie beside them and are no models. */
const PROJECTOR = /^mmproj/i;

function refuse(message: string): never {
  throw new AppError("model_file_invalid", message);
}

function nameOf(path: string): string {
  return basename(path)
    .replace(PART, "")
    .replace(/\.gguf$/i, "");
}

/** The paths of all parts of a split model, given any of them; of any other file, itself. */
export function partPaths(path: string): string[] {
  const match = PART.exec(path);
  const count = match?.[2];
  if (match === null || count === undefined) return [path];
  const stem = path.slice(0, match.index);
  return Array.from({ length: Number(count) }, (_, index) => `${stem}-${String(index + 1).padStart(5, "0")}-of-${count}.gguf`);
}

function fileSource(path: string, name: string | null): ModelSource {
  const parts = partPaths(path);
  const missing = parts.find((part) => !existsSync(part));
  if (missing !== undefined) refuse(`The split model ${path} lacks ${missing}. Put all its parts into one folder.`);
  return { kind: "file", name: name ?? nameOf(path), path: parts[0] ?? path };
}

async function folderSources(folder: string): Promise<ModelSource[]> {
  const files = (await readdir(folder)).filter((file) => /\.gguf$/i.test(file) && !PROJECTOR.test(file)).sort();
  const heads = files.filter((file) => (PART.exec(file)?.[1] ?? "00001") === "00001");
  if (heads.length === 0) refuse(`The folder ${folder} holds no GGUF file. Put one there, or name a file or an hf: model.`);
  return heads.map((file) => fileSource(join(folder, file), null));
}

/**
 * Reads one model spec: a GGUF file, a folder of GGUF files (each a model), or `hf:owner/repo:quant`; `name=spec` names it.
 * The default name is the file's without `.gguf`, and of an hf spec the spec itself.
 * @throws AppError `model_file_invalid` when there is no such file or folder, `config_invalid` for a spec of no known form
 */
export async function parseModelSource(spec: string): Promise<ModelSource[]> {
  const alias = existsSync(spec) ? null : ALIAS.exec(spec);
  const [name, target] = [alias?.[1] ?? null, alias?.[2] ?? spec];
  if (target.startsWith("hf:")) {
    if (!HF_URI.test(target))
      throw new AppError("config_invalid", `"${target}" is no model of the form hf:owner/repo or hf:owner/repo:quant.`);
    return [{ kind: "hf", name: name ?? target, uri: target }];
  }
  const path = resolve(target);
  const found = await stat(path).catch(() => null);
  if (found === null) refuse(`There is no model file at ${path}. Check the path, or name an hf:owner/repo:quant model.`);
  if (!found.isDirectory()) return [fileSource(path, name)];
  const sources = await folderSources(path);
  if (name === null) return sources;
  const [only] = sources;
  if (sources.length > 1 || only === undefined)
    throw new AppError("config_invalid", `"${name}" cannot name the ${sources.length} models in ${path}. Name one file.`);
  return [{ ...only, name }];
}
