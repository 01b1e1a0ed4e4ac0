/**
 * Training in a page: `fit` waits for `onStep`, so a page that awaits the next frame there stays alive and can draw.
 * For long training put the same program into a worker: ../in-a-worker.
 */
/// <reference lib="dom" />
import { argmax, cifarResNet, fit, predict, Rng, SGD } from "../../src/index.ts"; // In your project: from "skipstone".
import { endlessShapes, NAMES, SIDE, shapes } from "../shapes.ts";

const STEPS = 100;
const rng = new Rng(7);
const model = cifarResNet(8, { width: 4, inChannels: 1, classes: NAMES.length, rng });
const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 });

const status = document.querySelector("#status")!;
const points: string[] = [];
await fit(model, {
  data: () => endlessShapes(16, rng),
  optimizer,
  steps: STEPS,
  onStep: async ({ step, loss }) => {
    points.push(`${(100 * step) / (STEPS - 1)},${1 - loss / Math.log(NAMES.length) / 1.5}`);
    document.querySelector("#losses")!.setAttribute("points", points.join(" "));
    status.textContent = `Step ${step + 1} of ${STEPS}, loss ${loss.toFixed(3)}`;
    await new Promise(requestAnimationFrame);
  },
});

const unseen = shapes(14, rng);
const answers = argmax(await predict(model, [unseen]), 1).data;
answers.forEach((answer, n) => {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = NAMES[answer];
  caption.className = answer === unseen.labels[n] ? "right" : "wrong";
  figure.append(picture(unseen.x.data.subarray(n * SIDE * SIDE, (n + 1) * SIDE * SIDE)), caption);
  document.querySelector("#answers")!.append(figure);
});
document.body.dataset["state"] = "done";

function picture(pixels: ArrayLike<number>): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(SIDE, SIDE);
  for (let i = 0; i < pixels.length; i++) image.data.set([40, 90, 160, 255 * pixels[i]], 4 * i);
  context.putImageData(image, 0, 0);
  return canvas;
}
