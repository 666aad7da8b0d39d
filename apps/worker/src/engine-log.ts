import type { EngineEvent } from "@llamero/engine";
import type { Logger } from "@llamero/process";

/** Share of a long step after which its progress is logged again. */
const STEP = 0.1;

/** Logs what an engine does while it starts; long steps at every tenth. */
export function logEngineEvents(logger: Logger): (event: EngineEvent) => void {
  const shown = new Map<string, number>();
  const isNews = (key: string, ratio: number) => {
    if (ratio < (shown.get(key) ?? -STEP) + STEP) return false;
    shown.set(key, ratio);
    return true;
  };
  return (event) => {
    const { model } = event;
    if (event.type === "downloading") {
      const ratio = event.totalBytes === 0 ? 0 : event.downloadedBytes / event.totalBytes;
      const megabytes = Math.round(event.totalBytes / 1e6);
      if (isNews(`download ${model}`, ratio))
        logger.info({ model }, `downloading ${model}: ${Math.floor(ratio * 100)} % of ${megabytes} MB`);
    } else if (event.type === "loading") {
      if (isNews(`load ${model}`, event.ratio)) logger.debug({ model }, `loading ${model}: ${Math.floor(event.ratio * 100)} %`);
    } else if (event.type === "reduced") {
      logger.warn(event, `${model} does not fit as asked for: ${event.slots} slots of ${event.contextSize} tokens`);
    } else {
      // It may be unloaded and loaded again.
      shown.delete(`load ${model}`);
      logger.info({ model }, event.layout);
    }
  };
}
