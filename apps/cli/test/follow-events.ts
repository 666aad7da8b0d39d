import { EventClient, Follower, type Seen } from "../../api/test/event-client.ts";

/** What a client has read of a job. */
export interface Followed {
  follower: Follower;
  events: Seen[];
}

/** Follows a job from now to its end, over one connection. */
export async function follow(url: string): Promise<Followed> {
  const follower = new Follower();
  const events: Seen[] = [];
  for await (const event of await EventClient.open(url)) {
    follower.take(event);
    events.push(event);
  }
  return { follower, events };
}
