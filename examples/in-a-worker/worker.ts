/** The worker: trains, reports every step, stops on request, and reports its accuracy at the end. */
/// <reference lib="dom" />
import { accuracy, cifarResNet, evaluate, fit, Rng, SGD } from "../../src/index.ts"; // In your project: from "skipstone".
import { endlessShapes, NAMES, shapes } from "../shapes.ts";

export type Report =
  | { readonly kind: "step"; readonly step: number; readonly steps: number; readonly loss: number }
  | { readonly kind: "end"; readonly accuracy: number; readonly images: number };

const report = (message: Report): void => postMessage(message);

let stopped = false;
addEventListener("message", ({ data }) => {
  stopped ||= data === "stop";
});

/** Lets waiting messages be handled. Not by `setTimeout(resolve)`: once nested, browsers make that at least 4 ms. */
const { port1, port2 } = new MessageChannel();
const nextTask = (): Promise<unknown> =>
  new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });

const steps = 150;
const rng = new Rng(7);
const model = cifarResNet(8, { width: 4, inChannels: 1, classes: NAMES.length, rng });
await fit(model, {
  data: () => endlessShapes(16, rng),
  optimizer: new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
  steps,
  onStep: async ({ step, loss }) => {
    report({ kind: "step", step: step + 1, steps, loss });
    // A pause for the message queue: without it "stop" would only arrive at the end.
    await nextTask();
    return !stopped;
  },
});

const images = 300;
const { metrics } = await evaluate(model, [shapes(images, rng)], { metrics: { accuracy } });
report({ kind: "end", accuracy: metrics.accuracy, images });
