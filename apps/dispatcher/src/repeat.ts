/** A loop that runs one pass after another with a pause between; a failed pass is reported and the loop goes on. */
export interface Loop {
  /** Ends the pause, or leaves out the next one: the next pass follows at once. */
  wake(): void;
  /** Ends the pause, waits for the pass under way; legal to call twice. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  pauseMs: number;
  /** Pause after a failed pass. Default: `pauseMs`. */
  failurePauseMs?: number;
  pass: (signal: AbortSignal) => Promise<void>;
  onError: (error: unknown) => void;
}

export function startLoop({ pauseMs, failurePauseMs = pauseMs, pass, onError }: LoopOptions): Loop {
  const abort = new AbortController();
  let isWoken = false;
  let endPause = () => {};
  const wake = () => {
    isWoken = true;
    endPause();
  };
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async () => {
    while (!abort.signal.aborted) {
      let waitMs = pauseMs;
      isWoken = false;
      try {
        await pass(abort.signal);
      } catch (error) {
        if (!abort.signal.aborted) onError(error);
        waitMs = failurePauseMs;
      }
      if (!isWoken) await pause(waitMs);
    }
  };
  const ended = run();
  return {
    wake,
    stop: () => {
      abort.abort();
      wake();
      return ended;
    },
  };
}
