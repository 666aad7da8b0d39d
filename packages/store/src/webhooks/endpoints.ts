import { randomBytes } from "node:crypto";
import { newId, type WebhookEvent, webhookDisabledReasons, webhookEventSchema, webhookPayloadStyles } from "@llamero/core";
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Keys } from "../keys.ts";
import { guarded } from "../redis-errors.ts";
import type { RunScript } from "../scripts.ts";

/** Deliveries that one call of a script discards: keeps it below a few milliseconds. */
const DISCARD_BATCH = 500;

const number = z.string().transform(Number);
const secretsSchema = z.object({
  secret: z.string(),
  previous_secret: z.string().optional(),
  previous_until_ms: number.optional(),
});
const fieldsSchema = secretsSchema.extend({
  owner: z.string(),
  url: z.string(),
  events: z.string().transform((list) => z.array(webhookEventSchema).parse(list.split(","))),
  payload: z.enum(webhookPayloadStyles),
  description: z.string().optional(),
  status: z.enum(["enabled", "disabled"]),
  disabled_reason: z.enum([...webhookDisabledReasons, ""]).default(""),
  created_ms: number,
});
type EndpointFields = z.output<typeof fieldsSchema>;

/** A secret of an endpoint, and until when it signs, in milliseconds since the epoch; null: until it is replaced. */
export interface EndpointSecret {
  secret: string;
  validUntilMs: number | null;
}

export interface StoredEndpoint {
  id: string;
  owner: string;
  url: string;
  events: WebhookEvent[];
  payload: EndpointFields["payload"];
  description: string | null;
  status: EndpointFields["status"];
  disabledReason: (typeof webhookDisabledReasons)[number] | null;
  createdMs: number;
  /** The current one first. The second may be past its time. */
  secrets: EndpointSecret[];
}

export interface NewEndpoint extends Pick<StoredEndpoint, "owner" | "url" | "payload" | "description"> {
  events: readonly WebhookEvent[];
  secret: string;
  /** Most endpoints that the owner may have. */
  limit: number;
}

export interface OwnedEndpoint {
  owner: string;
  id: string;
}

export function secretsOf(fields: z.output<typeof secretsSchema>): EndpointSecret[] {
  const { secret, previous_secret, previous_until_ms } = fields;
  const previous = previous_secret === undefined ? [] : [{ secret: previous_secret, validUntilMs: previous_until_ms ?? 0 }];
  return [{ secret, validUntilMs: null }, ...previous];
}

function toEndpoint(id: string, raw: Record<string, string>): StoredEndpoint | null {
  if (raw["owner"] === undefined) return null;
  const fields = fieldsSchema.parse(raw);
  const { owner, url, events, payload, status, created_ms } = fields;
  return {
    id,
    owner,
    url,
    events,
    payload,
    description: fields.description ?? null,
    status,
    disabledReason: fields.disabled_reason === "" ? null : fields.disabled_reason,
    createdMs: created_ms,
    secrets: secretsOf(fields),
  };
}

/** Webhook endpoints, which are told of every job of their owner. */
export function createEndpoints(redis: Redis, keys: Keys, run: RunScript, cell: number) {
  const read = async (id: string) => toEndpoint(id, await redis.hgetall(keys.endpoint(id)));
  const change = async ({ owner, id }: OwnedEndpoint, fields: readonly (string | number)[]) =>
    (await run("change-endpoint", [id, owner, ...fields])) === 1;
  /** Only the owner's own one. */
  const getEndpoint = async ({ owner, id }: OwnedEndpoint): Promise<StoredEndpoint | null> => {
    const endpoint = await guarded(() => read(id));
    return endpoint?.owner === owner ? endpoint : null;
  };
  /** Settles what an endpoint will not be sent. What this leaves behind when it is cut off is settled when it is due. */
  const discardPending = async (id: string): Promise<void> => {
    while ((await run("discard-deliveries", [id, DISCARD_BATCH])) === DISCARD_BATCH);
  };

  return {
    getEndpoint,
    discardPending,
    /** @returns null when the owner has as many as it may have */
    async createEndpoint({
      owner,
      url,
      events,
      payload,
      description,
      secret,
      limit,
    }: NewEndpoint): Promise<StoredEndpoint | null> {
      const id = newId("endpoint", { now: Date.now, randomBytes, cell });
      const described = description === null ? [] : ["description", description];
      const fields = ["url", url, "events", events.join(","), "payload", payload, "secret", secret, ...described];
      const isCreated = (await run("create-endpoint", [id, owner, limit, ...fields])) === 1;
      return isCreated ? getEndpoint({ owner, id }) : null;
    },
    /** The oldest first. */
    async listEndpoints(owner: string): Promise<StoredEndpoint[]> {
      return guarded(async () => {
        const ids = await redis.zrange(keys.endpointsOf(owner), "0", "-1");
        const endpoints = await Promise.all(ids.map(read));
        return endpoints.filter((endpoint) => endpoint !== null);
      });
    },
    /** Enables or disables an endpoint; what is pending for a disabled one is discarded. @returns null when there is none */
    async updateEndpoint(
      endpoint: OwnedEndpoint,
      { status, disabledReason }: Pick<StoredEndpoint, "status" | "disabledReason">,
    ): Promise<StoredEndpoint | null> {
      if (!(await change(endpoint, ["status", status, "disabled_reason", disabledReason ?? ""]))) return null;
      if (status === "disabled") await discardPending(endpoint.id);
      return getEndpoint(endpoint);
    },
    /** Replaces the secret; the one before signs too for `previousValidMs`. @returns null when there is none */
    async rotateSecret(
      endpoint: OwnedEndpoint,
      { secret, previousValidMs }: { secret: string; previousValidMs: number },
    ): Promise<StoredEndpoint | null> {
      if (!(await change(endpoint, ["secret", secret, "previous_valid_ms", previousValidMs]))) return null;
      return getEndpoint(endpoint);
    },
    /** Removes an endpoint and discards what is pending for it; its deliveries stay with their jobs. */
    async deleteEndpoint({ owner, id }: OwnedEndpoint): Promise<boolean> {
      if ((await run("delete-endpoint", [id, owner])) !== 1) return false;
      await discardPending(id);
      return true;
    },
  };
}
