import type { LiveSettings } from "@llamero/core";
import type { Redis } from "ioredis";
import type { Keys } from "./keys.ts";
import type { SettingsStore } from "./settings.ts";

/** How often they are read again without a hint, in milliseconds: a lost hint costs this much and nothing else. */
const REREAD_MS = 5_000;

export interface SettingsWatchOptions {
  store: { settings: Pick<SettingsStore, "read">; keys: Keys };
  /** A connection that subscribes; it stays the caller's. */
  subscriber: Redis;
  /** Told of settings that hold from now on. */
  onChange?: (settings: LiveSettings) => void;
  onError: (error: unknown) => void;
}

/** The settings as this process knows them: as they were read last, and read again whenever they change. */
export class SettingsWatch {
  readonly #options: SettingsWatchOptions;
  #current: LiveSettings = {};
  #version = 0;
  #timer: NodeJS.Timeout | null = null;
  readonly #onMessage = (channel: string) => {
    if (channel === this.#options.store.keys.settings) this.#readSoon();
  };
  readonly #readSoon = () => void this.#read().catch(this.#options.onError);

  constructor(options: SettingsWatchOptions) {
    this.#options = options;
  }

  get current(): LiveSettings {
    return this.#current;
  }

  /** Resolves when they are known. @throws AppError `redis_unavailable` */
  async start(): Promise<void> {
    const { subscriber, store } = this.#options;
    subscriber.on("message", this.#onMessage);
    // What was told while the connection was cut is not told again.
    subscriber.on("ready", this.#readSoon);
    await subscriber.subscribe(store.keys.settings);
    await this.#read();
    this.#timer = setInterval(this.#readSoon, REREAD_MS);
  }

  /** Legal to call twice. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#options.subscriber.off("message", this.#onMessage).off("ready", this.#readSoon);
  }

  async #read(): Promise<void> {
    const { version, settings } = await this.#options.store.settings.read();
    if (version === this.#version) return;
    this.#version = version;
    this.#current = settings;
    this.#options.onChange?.(settings);
  }
}

/** Begins to watch the settings; stops with the process. @throws AppError `redis_unavailable` */
export async function watchSettings({
  lifecycle,
  logger,
  ...options
}: Omit<SettingsWatchOptions, "onError"> & {
  lifecycle: { defer(name: string, close: () => void): void };
  logger: { warn(fields: object, message: string): void };
}): Promise<SettingsWatch> {
  const onError = (error: unknown) => logger.warn({ err: error }, "could not read the settings again");
  const watch = new SettingsWatch({ ...options, onError });
  lifecycle.defer("settings", () => watch.stop());
  await watch.start();
  return watch;
}
