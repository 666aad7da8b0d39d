const CUSTOM_ID = /"custom_id":"r(\d+)"/;

/** How often each line of an input stands in what a batch has written. */
export class LineCounts {
  readonly #counts: Uint8Array;
  /** Lines that are none of the input's. */
  strange = 0;

  constructor(lines: number) {
    this.#counts = new Uint8Array(lines);
  }

  /** Reads a file of a batch. @returns its lines */
  async read(url: string, fileId: string | null): Promise<number> {
    if (fileId === null) return 0;
    const answer = await fetch(`${url}/v1/files/${fileId}/content`);
    if (!answer.ok || answer.body === null) throw new Error(`${fileId} was answered with ${answer.status}`);
    const decoder = new TextDecoder();
    let [rest, lines] = ["", 0];
    for await (const part of answer.body) {
      const found = (rest + decoder.decode(part, { stream: true })).split("\n");
      rest = found.pop() ?? "";
      for (const line of found) this.#note(line);
      lines += found.length;
    }
    return lines;
  }

  #note(line: string): void {
    const index = Number(CUSTOM_ID.exec(line)?.[1] ?? -1);
    const count = this.#counts[index];
    if (count === undefined) this.strange += 1;
    else this.#counts[index] = Math.min(255, count + 1);
  }

  get missing(): number {
    return this.#counts.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
  }

  get doubled(): number {
    return this.#counts.reduce((sum, count) => sum + (count > 1 ? 1 : 0), 0);
  }
}
