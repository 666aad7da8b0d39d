/** A candidate slower than the best by this factor ends the search: fewer threads than that are slower still. */
const GIVE_UP_RATIO = 1.25;
/** Fewer threads win a near tie: under load, sampling and the event loop want cores as well. */
const NEAR_TIE_RATIO = 1.15;

/**
 * The thread count with the quickest step, by trying: llama.cpp's prebuilt CPU binaries start their threads anew for every
 * step, so that on small models one thread beats two (10 times, on a model of 2.4M parameters), while large ones want all cores.
 * Goes down from all cores by halves, so that a large model is never timed on one.
 * @param stepMs milliseconds of one step with a number of threads
 */
export async function chooseThreads(cores: number, stepMs: (threads: number) => Promise<number>): Promise<number> {
  let best = cores;
  let quickestMs = await stepMs(cores);
  for (let threads = Math.floor(cores / 2); threads >= 1; threads = Math.floor(threads / 2)) {
    const ms = await stepMs(threads);
    if (ms > quickestMs * GIVE_UP_RATIO) break;
    if (ms <= quickestMs * NEAR_TIE_RATIO) best = threads;
    quickestMs = Math.min(quickestMs, ms);
  }
  return best;
}
