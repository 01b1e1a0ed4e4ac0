/** The page's worker. */
import type { WorkerLike } from "./duo.ts";

/** A worker that trains one network; null where there are none. Standing so, a bundler finds the worker's program. */
export function defaultWorker(): WorkerLike | null {
  if (typeof Worker === "undefined") return null;
  return new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }) as unknown as WorkerLike;
}
