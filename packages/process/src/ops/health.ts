/** Says why something that a process needs is not there; null: it is. */
export type Check = () => string | null;

/** What `/readyz` tells. */
export interface Readiness {
  isReady: boolean;
  /** What is wrong, by the name of its check. */
  problems: Record<string, string>;
}

/** Whether a process can do its work: asked for by load balancers and orchestrators, which send it nothing, or replace no other, while not. */
export class Health {
  readonly #checks = new Map<string, Check>();

  /** A process begins with a check that fails until it has started; a check of the same name takes its place. */
  check(name: string, check: Check): void {
    this.#checks.set(name, check);
  }

  readiness(): Readiness {
    const found = Array.from(this.#checks, ([name, check]) => [name, check()] as const);
    const problems = Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== null));
    return { isReady: Object.keys(problems).length === 0, problems };
  }
}
