/** Runs a worker in workerd for one request. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { complaint, end, printed } from "./execute.ts";

/** From 2025-06-01 on, WebAssembly may be compiled while a worker starts, but not in a request. */
const COMPATIBILITY_DATE = "2026-11-01";

const config = `
using Workerd = import "/workerd/workerd.capnp";
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "${COMPATIBILITY_DATE}",
);
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

/**
 * Returns the text with which the worker, a module, answers a request.
 *
 * @throws Error of one line if it does not start or fails, or after `seconds`.
 */
export async function askWorker(command: string, code: string, folder: string, seconds: number): Promise<string> {
  writeFileSync(join(folder, "worker.js"), code);
  writeFileSync(join(folder, "config.capnp"), config);
  const args = ["serve", join(folder, "config.capnp"), "--control-fd=3"];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true });
  const output = printed(child);
  try {
    const port = await new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", () => reject(new Error(`the worker does not start: ${complaint(output())}`)));
      (child.stdio[3] as Readable).once("data", (line) => resolve((JSON.parse(String(line)) as { port: number }).port));
      setTimeout(() => reject(new Error(`not started after ${seconds} s`)), seconds * 1000).unref();
    });
    const response = await fetch(`http://127.0.0.1:${port}`, { signal: AbortSignal.timeout(seconds * 1000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`the request failed: ${complaint(output())}`);
    return text;
  } finally {
    end(child);
  }
}
