import { AppError } from "@llamero/core";
import { type ApiKeys, hashKey, keyIdOf, sameHash } from "@llamero/store";

/** The owner of everything made without a key. */
export const LOCAL_OWNER = "local";

/** How long a key's record is trusted, in milliseconds: a revoked key works this much longer at most. */
const FRESH_MS = 2_000;
/** Records remembered; more keys than this in two seconds are read from the store each time. */
const REMEMBERED = 10_000;

export interface AuthOptions {
  /** Keys from the environment. */
  fixedKeys: readonly { owner: string; key: string }[];
  apiKeys: Pick<ApiKeys, "get" | "list">;
  /** Whether a deployment without any key may be used without one: only on loopback. */
  isLoopback: boolean;
  /** Milliseconds from whenever on; never goes back. */
  now: () => number;
}

interface Remembered<T> {
  value: T;
  readAt: number;
}

const refused = (message: string) => new AppError("unauthorized", message);

/** Finds out whose request it is. */
export class Auth {
  readonly #options: AuthOptions;
  readonly #fixed: readonly { owner: string; hash: string }[];
  readonly #owners = new Map<string, Remembered<{ owner: string; hash: string } | null>>();
  #isOpen: Remembered<boolean> | null = null;

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#fixed = options.fixedKeys.map(({ owner, key }) => ({ owner, hash: hashKey(key) }));
  }

  /** Whether requests need no key: on loopback, until the first key is made. */
  async isOpen(): Promise<boolean> {
    if (!this.#options.isLoopback || this.#fixed.length > 0) return false;
    const now = this.#options.now();
    if (this.#isOpen === null || now - this.#isOpen.readAt > FRESH_MS)
      this.#isOpen = { value: !(await this.hasStoredKeys()), readAt: now };
    return this.#isOpen.value;
  }

  /** Also when all are revoked: taking away the last key must not open the door. */
  async hasStoredKeys(): Promise<boolean> {
    return (await this.#options.apiKeys.list()).length > 0;
  }

  /**
   * The owner of a request.
   * @param authorization the header of that name
   * @throws AppError `unauthorized`
   */
  async owner(authorization: string | null): Promise<string> {
    if (await this.isOpen()) return LOCAL_OWNER;
    const key = /^Bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1];
    if (key === undefined) throw refused('Send your API key as "Authorization: Bearer …"; `llamero keys create` makes one.');
    // All fixed keys are compared, so that the time does not tell which one is near.
    const matches = this.#fixed.filter(({ hash }) => sameHash(key, hash));
    const known = matches[0] ?? (await this.#stored(key));
    if (known === null) throw refused("This API key is not valid or has been revoked.");
    return known.owner;
  }

  async #stored(key: string): Promise<{ owner: string } | null> {
    const id = keyIdOf(key);
    if (id === null) return null;
    const record = await this.#record(id);
    return record !== null && sameHash(key, record.hash) ? record : null;
  }

  async #record(id: string): Promise<{ owner: string; hash: string } | null> {
    const now = this.#options.now();
    const seen = this.#owners.get(id);
    if (seen !== undefined && now - seen.readAt <= FRESH_MS) return seen.value;
    const record = await this.#options.apiKeys.get(id);
    const value = record === null || record.revoked_at_ms !== null ? null : record;
    if (this.#owners.size >= REMEMBERED) this.#owners.clear();
    this.#owners.set(id, { value, readAt: now });
    return value;
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i;

export function isLoopbackHost(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * In open mode, takes only requests that were addressed to this machine by a loopback name: a web page that has pointed
 * its own name at 127.0.0.1 (DNS rebinding) is not one.
 * @throws AppError `forbidden_host`
 */
export function checkHost(header: string | null): void {
  const name = (header ?? "").replace(/:\d+$/, "");
  if (!isLoopbackHost(name))
    throw new AppError(
      "forbidden_host",
      `Without API keys, requests must go to localhost or 127.0.0.1, not "${name.slice(0, 100)}".`,
    );
}
