import type { ServerHttp2Session } from "node:http2";

/** Ends a session whose client does not answer: one that is gone without a word is noticed after twice this time. */
export function keepAlive(session: ServerHttp2Session, everyMs: number): void {
  let isAnswered = true;
  const timer = setInterval(() => {
    // It is so for a while before it says that it is closed, and then takes no ping.
    if (session.destroyed) return;
    if (!isAnswered) return void session.destroy();
    isAnswered = false;
    session.ping(() => {
      isAnswered = true;
    });
  }, everyMs);
  session.once("close", () => clearInterval(timer));
}
