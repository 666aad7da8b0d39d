import type { LiveSettings, ReuseMode } from "@llamero/core";
import type { StoreOptions } from "./store.ts";

/** What holds of the jobs that are taken in where the settings say nothing. */
export interface Defaults {
  maxWaiting: number;
  reuseMode: ReuseMode;
}

/** What the settings say of the jobs that are taken in, asked at each. */
export function policiesOf(
  current: () => LiveSettings,
  { maxWaiting, reuseMode }: Defaults,
): Required<Pick<StoreOptions, "limits" | "reuseMode">> {
  return {
    limits: () => ({
      maxWaiting: current().max_waiting ?? maxWaiting,
      maxWaitingTokens: current().max_waiting_tokens ?? null,
    }),
    reuseMode: () => current().reuse?.mode ?? reuseMode,
  };
}
