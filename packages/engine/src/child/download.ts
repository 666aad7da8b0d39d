import { AppError } from "@llamero/core";
import { resolveModelFile } from "node-llama-cpp";
import type { FileSource } from "../model-source.ts";
import type { EngineEvent } from "../options.ts";

/**
 * The path of a source on this machine; downloads it on first use.
 * @throws AppError `model_download_failed`
 */
export async function localPath(
  source: FileSource,
  modelsDir: string | undefined,
  onEvent: (event: EngineEvent) => void,
): Promise<string> {
  if (source.kind === "file") return source.path;
  try {
    return await resolveModelFile(source.uri, {
      cli: false,
      ...(modelsDir === undefined ? {} : { directory: modelsDir }),
      onProgress: ({ downloadedSize, totalSize }) =>
        onEvent({ type: "downloading", model: source.name, downloadedBytes: downloadedSize, totalBytes: totalSize }),
    });
  } catch (error) {
    const text =
      `${source.uri} could not be downloaded. Check the network and the name, ` +
      "or download the GGUF file by other means and give its path instead.";
    throw new AppError("model_download_failed", text, { cause: error });
  }
}
