import type { Job } from "@llamero/core";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { StubbornClient } from "./stubborn-client.ts";

/** What a client has read that followed a job over whatever happened. */
export interface Reading {
  text: string;
  tokens: number;
  /** How often it was told to forget the text. */
  resets: number;
  /** Pieces that did not come right behind the one before. */
  gaps: number;
  /** Connections that it took. */
  connections: number;
  job: Job | null;
}

/** A connection that is silent for so long is given up; the API says something every 15 s. Milliseconds. */
const SILENCE_MS = 20_000;

class Reader {
  readonly reading: Reading = { text: "", tokens: 0, resets: 0, gaps: 0, connections: 0, job: null };
  lastId: string | null = null;
  #chunks = 0;

  take({ id = "", event, data }: EventSourceMessage): void {
    const { reading } = this;
    this.lastId = id;
    if (event === "done") reading.job = JSON.parse(data) as Job;
    if (event === "status" && (JSON.parse(data) as { text_reset: boolean }).text_reset) {
      Object.assign(reading, { text: "", tokens: 0, resets: reading.resets + 1 });
      this.#chunks = 0;
    }
    if (event !== "delta") return;
    const { text, tokens } = JSON.parse(data) as { text: string; tokens: number };
    const chunk = Number(id.split("-")[1]);
    if (chunk !== this.#chunks + 1) reading.gaps += 1;
    this.#chunks = chunk;
    reading.text += text;
    reading.tokens += tokens;
  }
}

/** Follows a job from its first event to the last, at whatever API there is, and goes on behind what it has after each break. */
export async function followJob(client: StubbornClient, id: string, signal: AbortSignal): Promise<Reading> {
  const reader = new Reader();
  const { reading } = reader;
  while (reading.job === null) {
    const headers: Record<string, string> = reader.lastId === null ? {} : { "last-event-id": reader.lastId };
    const response = await client.response(`/v1/jobs/${id}/events`, { headers }, signal);
    reading.connections += 1;
    if (response.body === null) continue;
    const parser = createParser({ onEvent: (event) => reader.take(event) });
    const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
    try {
      for (let piece = await spoken(pieces); piece !== null; piece = await spoken(pieces)) parser.feed(piece);
    } catch {
      client.broken += 1;
    } finally {
      // A body that has broken off cannot be cancelled, and need not be.
      await pieces.cancel().catch(() => {});
    }
  }
  return reading;
}

/** The next piece; null at the end. @throws when it does not come */
async function spoken(pieces: ReadableStreamDefaultReader<string>): Promise<string | null> {
  const silence = Promise.withResolvers<never>();
  const timer = setTimeout(() => silence.reject(new Error("silence")), SILENCE_MS);
  try {
    const { done, value } = await Promise.race([pieces.read(), silence.promise]);
    return done ? null : value;
  } finally {
    clearTimeout(timer);
  }
}
