/** What goes over the wire, counted where it leaves: bytes with their heads, as the site's own server packs them. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What was sent so far. */
export interface Sent {
  /** All that the page asked for, bytes. */
  total: number;
  /** Of these, scripts: packed by gzip. */
  script: number;
  /** Of these, packed images to train on. */
  data: number;
  /** Beside these, what was fetched ahead of time: for other pages, and for reading without a network. */
  ahead: number;
}

/** Counts from now on. */
export function countBytes(server: Server): Sent {
  const sent: Sent = { total: 0, script: 0, data: 0, ahead: 0 };
  const written = new WeakMap<Socket, number>();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    response.on("finish", () => {
      const bytes = socket.bytesWritten - (written.get(socket) ?? 0);
      written.set(socket, socket.bytesWritten);
      const isAhead = [request.headers["sec-purpose"], request.headers["purpose"]].includes("prefetch");
      if (isAhead || /\/offline\.js$/.test(`${request.headers.referer ?? ""}|${request.url}`)) {
        sent.ahead += bytes;
        return;
      }
      sent.total += bytes;
      if (/\.m?js(\?|$)/.test(request.url ?? "")) sent.script += bytes;
      if (/\.bin(\?|$)/.test(request.url ?? "")) sent.data += bytes;
    });
  });
  return sent;
}
