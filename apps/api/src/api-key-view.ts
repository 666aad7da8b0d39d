import type { ApiKey } from "@llamero/core";
import type { ApiKeyRecord } from "@llamero/store";

const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

/** A key as administrators see it. */
export function apiKeyView(record: ApiKeyRecord): ApiKey {
  const { id, owner, name, scopes, limits, created_at_ms, expires_at_ms, revoked_at_ms, previous } = record;
  return {
    id,
    object: "api_key",
    owner,
    name,
    scopes,
    limits,
    created_at: new Date(created_at_ms).toISOString(),
    expires_at: time(expires_at_ms),
    revoked_at: time(revoked_at_ms),
    previous_secret_valid_until: time(previous?.until_ms ?? null),
  };
}
