import type { Socket } from "node:net";

/** How every connection of HTTP/2 begins (RFC 9113, section 3.4), as far as no request of HTTP/1.1 does. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n");

/** How long a connection may say too little at first, in milliseconds: what Node gives the headers of a request. */
const SILENT_MS = 60_000;

/**
 * Finds out from the first bytes of a connection which HTTP it speaks, and hands it over as if they had not been read.
 * @param take gets it, unless it ends before it has said enough
 */
export function byFirstBytes(socket: Socket, take: (version: "http1" | "http2") => void): void {
  let head: Buffer = Buffer.alloc(0);
  const leave = () => socket.destroy();
  const look = () => {
    const bytes: Buffer | null = socket.read();
    if (bytes === null) return;
    head = Buffer.concat([head, bytes]);
    const isPreface = head.subarray(0, PREFACE.length).equals(PREFACE.subarray(0, head.length));
    if (isPreface && head.length < PREFACE.length) return;
    socket.off("readable", look).off("error", leave).off("timeout", leave).off("end", leave);
    socket.setTimeout(0);
    socket.unshift(head);
    take(isPreface ? "http2" : "http1");
  };
  socket.on("readable", look).on("error", leave).on("timeout", leave).on("end", leave);
  socket.setTimeout(SILENT_MS);
}
