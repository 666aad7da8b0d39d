import {
  AppError,
  type LiveSettings,
  liveSettingsSchema,
  patchSettings,
  type SettingsPatch,
  type SettingsVersion,
} from "@llamero/core";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "./keys.ts";
import { guarded } from "./redis-errors.ts";
import type { RunScript } from "./scripts.ts";

const recordSchema = z.object({
  version: z.int(),
  settings: liveSettingsSchema,
  changed_at_ms: z.int(),
  changed_by: z.string(),
  rollback_of: z.int().nullable().default(null),
});
type SettingsRecord = z.infer<typeof recordSchema>;

const NOTHING: SettingsVersion = {
  object: "settings",
  version: 0,
  settings: {},
  changed_at: null,
  changed_by: null,
  rollback_of: null,
};

function viewOf(text: string | null): SettingsVersion {
  if (text === null) return NOTHING;
  const { version, settings, changed_at_ms, changed_by, rollback_of } = recordSchema.parse(JSON.parse(text));
  return { object: "settings", version, settings, changed_at: new Date(changed_at_ms).toISOString(), changed_by, rollback_of };
}

/** Who makes a change, and when, in milliseconds since the epoch. */
export interface Change {
  by: string;
  nowMs: number;
}

/** The settings of the deployment in Redis: one version holds, the last hundred are kept. */
export function createSettings(redis: Redis, keys: Keys, run: RunScript) {
  const read = async () => viewOf(await guarded(() => redis.get(keys.settings)));
  const history = async (): Promise<SettingsVersion[]> => {
    const texts = await guarded(() => redis.lrange(keys.settingsHistory, 0, -1));
    return texts.map(viewOf);
  };
  /** False: somebody else has changed them since that version. */
  const replace = async (seen: number, next: SettingsRecord): Promise<boolean> => {
    const { key_limits, ageing, weights, breaker, reuse } = next.settings;
    const ms = (seconds: number | undefined) => (seconds === undefined ? "" : seconds * 1_000);
    const action = next.rollback_of === null ? "settings.change" : "settings.rollback";
    const reply = await run("change-settings", [
      seen,
      JSON.stringify(next),
      next.changed_by,
      action,
      key_limits?.max_running ?? "",
      ms(ageing?.normal_seconds),
      ms(ageing?.low_seconds),
      breaker?.failures ?? "",
      breaker?.share ?? "",
      ms(breaker?.open_seconds),
      ms(breaker?.most_open_seconds),
      ms(reuse?.ttl_seconds),
      reuse?.max_bytes ?? "",
      ...Object.entries(weights ?? {}).flat(),
    ]);
    return reply === 1;
  };
  const change = async (
    { by, nowMs }: Change,
    next: (now: SettingsVersion) => Pick<SettingsRecord, "settings" | "rollback_of">,
  ): Promise<SettingsVersion> => {
    for (;;) {
      const now = await read();
      const record = { version: now.version + 1, ...next(now), changed_at_ms: nowMs, changed_by: by };
      if (await replace(now.version, record)) return viewOf(JSON.stringify(record));
    }
  };
  return {
    read,
    /** The newest first. */
    history,
    /**
     * Changes what the patch names. What `feed` goes by holds when this resolves; processes know within a second.
     * @throws AppError `settings_changed` unless the version that holds is `ifVersion`, where that is given
     */
    change(patch: SettingsPatch, by: Change, ifVersion?: number): Promise<SettingsVersion> {
      return change(by, ({ version, settings }) => {
        if (ifVersion !== undefined && version !== ifVersion)
          throw new AppError("settings_changed", `The settings have version ${version} by now. Read them again.`, {
            param: "if_version",
          });
        return { settings: patched(settings, patch), rollback_of: null };
      });
    },
    /** Brings back what held at an earlier version, as a new one. @throws AppError `settings_version_not_found` */
    async rollback(version: number, by: Change): Promise<SettingsVersion> {
      const earlier = version === 0 ? NOTHING : (await history()).find((found) => found.version === version);
      if (earlier === undefined)
        throw new AppError(
          "settings_version_not_found",
          `There is no version ${version} of the settings among the last hundred.`,
        );
      return change(by, () => ({ settings: earlier.settings, rollback_of: version }));
    },
  };
}
export type SettingsStore = ReturnType<typeof createSettings>;

function patched(settings: LiveSettings, patch: SettingsPatch): LiveSettings {
  try {
    return patchSettings(settings, patch);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    throw new AppError("invalid_request", `${issue?.path.join(".")} ${issue?.message}.`, {
      param: `settings.${issue?.path.join(".")}`,
    });
  }
}
