/** Both networks of the default preset in two threads of Node, in step like the page's: what its speed is measured against. */
import { readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { inflateSync } from "node:zlib";
import { build } from "esbuild";
import { dist, root, site } from "../build/places.ts";

/** How far one network may be ahead of the other, as in the page (lab/pace.ts). */
const AHEAD = 4;

/** A pair of threads. */
export interface NodePair {
  /** Trains for so long; returns the steps that both made in a second. */
  train(milliseconds: number): Promise<number>;
  end(): Promise<void>;
}

/** What `bundled` makes: the default run, and its images. */
interface Beginning {
  readonly run: object;
  readonly images: object;
}

/** The page's own images. */
function packedDigits(): string {
  const name = readdirSync(`${dist}assets`).find((file) => /^digits-14\b.*\.bin$/.test(file));
  if (!name) throw new Error("the site that is built has no digits");
  return `${dist}assets/${name}`;
}

/** Makes both threads. @throws Error if the site that is built has no images. */
export async function nodePair(): Promise<NodePair> {
  const folder = `${root}build/site/bench-parts/`;
  await build({
    entryPoints: [`${site}bench/trainer.ts`, `${site}bench/beginning.ts`],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "es2022",
    alias: { skipstone: `${root}src/index.ts` },
    logLevel: "error",
  });
  const { beginning } = (await import(pathToFileURL(`${folder}beginning.mjs`).href)) as {
    beginning: (bytes: Uint8Array) => Beginning;
  };
  const parts = beginning(inflateSync(readFileSync(packedDigits())));
  const program = `${folder}trainer.mjs`;
  const threads = ["a", "b"].map((side) => new Worker(program, { workerData: { ...parts, side } }));
  const steps = [0, 0];
  let [going, failure] = [false, null as Error | null];
  const give = (): void => {
    if (going) for (const thread of threads) thread.postMessage(Math.min(...steps) + AHEAD);
  };
  for (const [i, thread] of threads.entries()) {
    thread.on("message", (step: number) => {
      steps[i] = step;
      give();
    });
    thread.on("error", (error) => {
      failure = error;
    });
  }
  return {
    async train(milliseconds) {
      const [from, since] = [Math.min(...steps), performance.now()];
      going = true;
      give();
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      going = false;
      const speed = (1000 * (Math.min(...steps) - from)) / (performance.now() - since);
      if (failure) throw failure;
      return speed;
    },
    end: async () => void (await Promise.all(threads.map((thread) => thread.terminate()))),
  };
}
