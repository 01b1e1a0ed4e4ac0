/** The page of loader.test.ts: workers make the batches it trains with. */
import { batchesFrom } from "../../src/index.ts";
import { train } from "./loader-training.ts";

interface PageWorker {
  postMessage(message: unknown): void;
  addEventListener(type: string, listener: (event: unknown) => void): void;
  terminate(): void;
}
declare const Worker: new (path: string, options: { readonly type: "module"; readonly name: string }) => PageWorker;
declare const document: { readonly body: { readonly dataset: Record<string, string> } };

const start = (name: string, path = "/worker.js"): PageWorker => new Worker(path, { type: "module", name });

async function all(worker: PageWorker, most = Number.POSITIVE_INFINITY): Promise<unknown> {
  const found: unknown[] = [];
  try {
    for await (const batch of batchesFrom<unknown>(worker)) {
      if (found.push(batch) === most) break;
    }
    return found;
  } catch (error) {
    return [...found, String(error)];
  }
}

const pictures = start("pictures");
const whole = await train((epoch, rng) => batchesFrom(pictures, { epoch, rng }));
const first = await train((epoch, rng) => batchesFrom(pictures, { epoch, rng }), 4);
pictures.terminate();
const later = start("pictures later");
const rest = await train((epoch, rng) => batchesFrom(later, { epoch, rng }), 9, first.checkpoint);

const endless = start("endless");
const results = {
  whole: [whole.losses, whole.weights],
  resumed: [[...first.losses, ...rest.losses], rest.weights],
  forms: await all(start("forms")),
  none: await all(start("none")),
  fails: await all(start("fails")),
  missing: await all(start("pictures", "/nothing.js")),
  // Twice from one worker, at the same time and one after the other.
  endless: [...(await Promise.all([all(endless, 3), all(endless, 2)])), await all(endless, 1)],
};
document.body.dataset["results"] = JSON.stringify(results);
document.body.dataset["state"] = "done";
