/**
 * Who may be in the engine: many jobs side by side, or one alone, because it is suspected of ending the engine.
 * A suspect's turn closes the door, waits until the others are through, and opens it again when it is through itself.
 */
export class Admission {
  readonly #onChange: (isOpen: boolean) => void;
  /** Suspects that wait, first come, first served. */
  readonly #waiting: (() => void)[] = [];
  #inside = 0;
  #isOneAlone = false;
  #isEngineUp = true;
  #isDrained = false;
  #wasOpen = true;

  /** @param onChange told at once when the door opens or closes */
  constructor(onChange: (isOpen: boolean) => void) {
    this.#onChange = onChange;
  }

  get isOpen(): boolean {
    return this.#isEngineUp && !this.#isDrained && !this.#isOneAlone && this.#waiting.length === 0;
  }

  /** While the engine is being replaced nobody is let in. */
  setEngineUp(isUp: boolean): void {
    this.#isEngineUp = isUp;
    this.#changed();
  }

  /** While nobody is wanted, nobody is let in. */
  setDrained(isDrained: boolean): void {
    this.#isDrained = isDrained;
    this.#changed();
  }

  /** Takes a place, to be given back by `leave`; false when the door is closed. */
  enter(): boolean {
    if (!this.isOpen) return false;
    this.#inside++;
    return true;
  }

  leave(): void {
    this.#inside--;
    this.#admitSuspect();
  }

  /** Trades a place for the whole engine, to be given back by `leaveAlone`. @returns false when the signal came first: nothing is held then */
  async becomeAlone(signal: AbortSignal): Promise<boolean> {
    const turn = Promise.withResolvers<boolean>();
    const admit = () => turn.resolve(true);
    const giveUp = () => {
      const place = this.#waiting.indexOf(admit);
      if (place === -1) return;
      this.#waiting.splice(place, 1);
      turn.resolve(false);
      this.#changed();
    };
    this.#waiting.push(admit);
    this.#changed();
    this.leave();
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    const isAlone = await turn.promise;
    signal.removeEventListener("abort", giveUp);
    return isAlone;
  }

  leaveAlone(): void {
    this.#isOneAlone = false;
    this.#admitSuspect();
    this.#changed();
  }

  #admitSuspect(): void {
    if (this.#inside > 0 || this.#isOneAlone) return;
    const admit = this.#waiting.shift();
    if (admit === undefined) return;
    this.#isOneAlone = true;
    admit();
  }

  #changed(): void {
    if (this.isOpen === this.#wasOpen) return;
    this.#wasOpen = this.isOpen;
    this.#onChange(this.isOpen);
  }
}
