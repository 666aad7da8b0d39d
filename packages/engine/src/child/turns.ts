/** Lets pieces of work follow each other that must not run at once. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}

/** Vulkan brings the process down when two of its contexts decode at once (node-llama-cpp 3.22.1, `decodeSyncWorkaround`). */
export const vulkanTurns = new Turns();
