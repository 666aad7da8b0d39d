import { AppError, allows, type KeyLimits, type KeyScope } from "@llamero/core";
import { type ApiKeys, hashKey, keyIdOf, type LiveKey, sameHash } from "@llamero/store";

/** Who asks, and what he may. */
export interface Caller {
  owner: string;
  scopes: readonly KeyScope[];
  /** The stored key that he has shown; null for one of the environment, and for none. */
  key: { id: string; limits: KeyLimits } | null;
}

/** Who needs no key: on this machine, while there is none. */
export const LOCAL_CALLER: Caller = { owner: "local", scopes: ["admin"], key: null };

/** What keys from the environment may. */
const FIXED_SCOPES: readonly KeyScope[] = ["submit", "read"];

/** How long a key's record is trusted, in milliseconds: a revoked key works this much longer at most. */
const FRESH_MS = 2_000;
/** Records remembered; more keys than this in two seconds are read from the store each time. */
const REMEMBERED = 10_000;

export interface AuthOptions {
  /** Keys from the environment. */
  fixedKeys: readonly { owner: string; key: string }[];
  apiKeys: Pick<ApiKeys, "findLive" | "list">;
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
  readonly #live = new Map<string, Remembered<LiveKey | null>>();
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
   * Whose request it is.
   * @param authorization the header of that name
   * @throws AppError `unauthorized`
   */
  async caller(authorization: string | null): Promise<Caller> {
    if (await this.isOpen()) return LOCAL_CALLER;
    const key = /^Bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1];
    if (key === undefined) throw refused('Send your API key as "Authorization: Bearer …"; `llamero keys create` makes one.');
    // All fixed keys are compared, so that the time does not tell which one is near.
    const [fixed] = this.#fixed.filter(({ hash }) => sameHash(key, hash));
    if (fixed !== undefined) return { owner: fixed.owner, scopes: FIXED_SCOPES, key: null };
    const stored = await this.#stored(key);
    if (stored === null) throw refused("This API key is not valid, has expired or has been revoked.");
    const { owner, scopes, id, limits } = stored;
    return { owner, scopes, key: { id, limits } };
  }

  async #stored(key: string): Promise<LiveKey | null> {
    const id = keyIdOf(key);
    if (id === null) return null;
    const live = await this.#findLive(id);
    return live?.hashes.some((hash) => sameHash(key, hash)) === true ? live : null;
  }

  async #findLive(id: string): Promise<LiveKey | null> {
    const now = this.#options.now();
    const seen = this.#live.get(id);
    if (seen !== undefined && now - seen.readAt <= FRESH_MS) return seen.value;
    const value = await this.#options.apiKeys.findLive(id);
    if (this.#live.size >= REMEMBERED) this.#live.clear();
    this.#live.set(id, { value, readAt: now });
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

/** What a request says of who asks, and of where it goes. */
export interface Credentials {
  /** `Host`, or `:authority` of HTTP/2. */
  host: string | null;
  header: (name: string) => string | null;
}

/** The key as all clients send it, or as Anthropic's do. */
function authorizationOf({ header }: Credentials): string | null {
  const key = header("x-api-key");
  return header("authorization") ?? (key === null ? null : `Bearer ${key}`);
}

/**
 * Who asks, when he may.
 * @param scope what the call needs
 * @throws AppError `unauthorized`, `forbidden_host`, `insufficient_scope`
 */
export async function authorise(auth: Auth, credentials: Credentials, scope: KeyScope): Promise<Caller> {
  if (await auth.isOpen()) checkHost(credentials.host);
  const caller = await auth.caller(authorizationOf(credentials));
  if (allows(caller.scopes, scope)) return caller;
  const text = `This needs a key of the scope ${scope}; this one has ${caller.scopes.join(", ")}.`;
  throw new AppError("insufficient_scope", text);
}
