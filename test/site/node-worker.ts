/** The page's worker in Node: the same program, bundled, in a worker thread that looks like a browser's. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import type { WorkerLike } from "../../site/lab/duo.ts";
import type { ToPage } from "../../site/lab/protocol.ts";

/** What a worker of a browser has, for a program in a worker of Node. */
const SHIM = `
const { parentPort } = await import("node:worker_threads");
const self = globalThis.self = globalThis;
self.postMessage = (message, { transfer } = {}) => parentPort.postMessage(message, transfer);
parentPort.on("message", (data) => self.onmessage({ data }));
`;

/** Bundles the worker's program; returns what makes a worker of it. */
export async function nodeWorkers(): Promise<() => WorkerLike & { readonly thread: Worker }> {
  const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
  const outdir = mkdtempSync(join(tmpdir(), "skipstone-site-"));
  await build({
    entryPoints: [path("site/lab/worker.ts")],
    alias: { skipstone: path("src/index.ts") },
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    external: ["node:*"],
    banner: { js: "" },
    logLevel: "error",
  });
  const program = pathToFileURL(join(outdir, "worker.mjs")).href;
  return () => {
    const code = `(async () => {${SHIM}; await import(${JSON.stringify(program)}); })()`;
    const thread = new Worker(code, { eval: true });
    const early: unknown[] = [];
    const worker: WorkerLike & { readonly thread: Worker } = {
      thread,
      onmessage: null,
      onerror: null,
      postMessage: (message, transfer) => thread.postMessage(message, transfer),
      terminate: () => void thread.terminate(),
    };
    thread.on("message", (data: ToPage) => (worker.onmessage ? worker.onmessage({ data }) : early.push(data)));
    thread.on("error", (error: Error) => worker.onerror?.({ message: error.message }));
    return worker;
  };
}
