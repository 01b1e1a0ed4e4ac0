/** Where no worker can be had: the same training in the page's own thread, in slices that leave the page time to answer. */
import type { WorkerLike } from "./duo.ts";
import type { ToPage, ToWorker } from "./protocol.ts";
import { serve } from "./serve.ts";

/** Milliseconds of training between two turns of the page. A step is not interrupted. */
const SLICE = 8;

/** What looks like a worker, and trains here. */
export function makeInPage(): WorkerLike {
  let begun = performance.now();
  let ended = false;
  const turn = async (): Promise<void> => {
    if (performance.now() - begun < SLICE) return;
    await new Promise((resolve) => setTimeout(resolve));
    begun = performance.now();
  };
  const worker: WorkerLike = {
    onmessage: null,
    onerror: null,
    postMessage: (message: ToWorker) => queueMicrotask(() => !ended && server.receive(message)),
    terminate: () => {
      ended = true;
      server.end();
    },
  };
  const post = (data: ToPage): void => queueMicrotask(() => !ended && worker.onmessage?.({ data }));
  const server = serve(post, turn);
  return worker;
}
