/** A loop that runs one pass after another with a pause between; a failed pass is reported and the loop goes on. */
export interface Loop {
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
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        abort.signal.removeEventListener("abort", done);
        resolve();
      }
      abort.signal.addEventListener("abort", done);
    });
  const run = async () => {
    while (!abort.signal.aborted) {
      let waitMs = pauseMs;
      try {
        await pass(abort.signal);
      } catch (error) {
        if (!abort.signal.aborted) onError(error);
        waitMs = failurePauseMs;
      }
      if (!abort.signal.aborted) await pause(waitMs);
    }
  };
  const ended = run();
  return {
    stop: () => {
      abort.abort();
      return ended;
    },
  };
}
