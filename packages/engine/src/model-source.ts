import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { AppError } from "@llamero/core";

/** Where a file comes from: this machine (of a split model: its first part), or a repository to download from. */
export type FileSource = { kind: "file"; name: string; path: string } | { kind: "hf"; name: string; uri: string };

/** A LoRA adapter: with its base, it is a model of its own name. `scale`: how much of it is added to the base's weights. */
export type AdapterSource = FileSource & { scale: number };

/** A model and the adapters on it. Default: none. */
export type ModelSource = FileSource & { adapters?: AdapterSource[] };

const ALIAS = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$/;
const HF_URI = /^hf:[^/\s:]+\/[^/\s:]+([:/].+)?$/;
/** Begins an adapter in a spec; a name comes first, so that a plus sign within a path is no adapter. */
const ADAPTER = /\+(?=[A-Za-z0-9][A-Za-z0-9._-]*=)/;
const SCALE = /^(.+)@(-?\d+(?:\.\d+)?)$/;
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

function fileSource(path: string, name: string | null): FileSource {
  const parts = partPaths(path);
  const missing = parts.find((part) => !existsSync(part));
  if (missing !== undefined) refuse(`The split model ${path} lacks ${missing}. Put all its parts into one folder.`);
  return { kind: "file", name: name ?? nameOf(path), path: parts[0] ?? path };
}

async function folderSources(folder: string): Promise<FileSource[]> {
  const files = (await readdir(folder)).filter((file) => /\.gguf$/i.test(file) && !PROJECTOR.test(file)).sort();
  const heads = files.filter((file) => (PART.exec(file)?.[1] ?? "00001") === "00001");
  if (heads.length === 0) refuse(`The folder ${folder} holds no GGUF file. Put one there, or name a file or an hf: model.`);
  return heads.map((file) => fileSource(join(folder, file), null));
}

async function adapterSource(spec: string): Promise<AdapterSource> {
  const [, file, scale] = SCALE.exec(spec) ?? [null, spec, "1"];
  const [source] = await parseFileSource(file ?? spec);
  if (source === undefined) throw new AppError("config_invalid", `"${spec}" names no adapter. Write name=adapter.gguf.`);
  return { ...source, scale: Number(scale) };
}

/**
 * Reads one model spec: a GGUF file, a folder of GGUF files (each a model), or `hf:owner/repo:quant`; `name=spec` names it.
 * The default name is the file's without `.gguf`, and of an hf spec the spec itself. LoRA adapters follow a model:
 * `model.gguf+legal=legal.gguf+mild=legal.gguf@0.5` is three names on one base.
 * @throws AppError `model_file_invalid` when there is no such file or folder, `config_invalid` for a spec of no known form
 */
export async function parseModelSource(spec: string): Promise<ModelSource[]> {
  const [base = spec, ...rest] = existsSync(spec) ? [spec] : spec.split(ADAPTER);
  const sources = await parseFileSource(base);
  if (rest.length === 0) return sources;
  const [source, another] = sources;
  if (source === undefined || another !== undefined)
    throw new AppError("config_invalid", `Adapters need one base, and ${base} holds ${sources.length} models. Name one file.`);
  return [{ ...source, adapters: await Promise.all(rest.map(adapterSource)) }];
}

async function parseFileSource(spec: string): Promise<FileSource[]> {
  const alias = existsSync(spec) ? null : ALIAS.exec(spec);
  const [name, target] = [alias?.[1] ?? null, alias?.[2] ?? spec];
  if (target.startsWith("hf:")) {
    if (!HF_URI.test(target))
      throw new AppError("config_invalid", `"${target}" is no model of the form hf:owner/repo or hf:owner/repo:quant.`);
    return [{ kind: "hf", name: name ?? target, uri: target }];
  }
  // A shell leaves the tilde alone behind a name, and in quotes.
  const path = resolve(target.replace(/^~(?=\/)/, homedir()));
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
