/**
 * Training in a page, on one thread and then on every core: one call, `await useThreads()`, before the training. The page has to
 * be sent with two headers (serve.ts); without them one thread computes, and the page says why.
 */
/// <reference lib="dom" />
import { cifarResNet, fit, Rng, SGD, useThreads } from "../../src/index.ts"; // In your project: from "skipstone".
import { endlessShapes, NAMES } from "../shapes.ts";

const STEPS = 40;
/** Steps before the clock starts: kernels are compiled in the first ones. */
const WARM_UP = 10;

const find = (id: string): Element => document.querySelector(`#${id}`)!;

/** Trains from the same seed each time. */
async function train(threads: number): Promise<{ stepsPerSecond: number; loss: number }> {
  const rng = new Rng(7);
  const model = cifarResNet(8, { width: 16, inChannels: 1, classes: NAMES.length, rng });
  const points: string[] = [];
  let loss = Number.NaN;
  let start = 0;
  let seconds = 0;
  await fit(model, {
    data: () => endlessShapes(64, rng),
    optimizer: new SGD(model.parameters(), { lr: 0.05, momentum: 0.9 }),
    steps: STEPS,
    onStep: async (info) => {
      loss = info.loss;
      points.push(`${(100 * info.step) / (STEPS - 1)},${1 - loss / Math.log(NAMES.length) / 1.5}`);
      find("losses").setAttribute("points", points.join(" "));
      find("status").textContent = `${threads} threads: step ${info.step + 1} of ${STEPS}, loss ${loss.toFixed(3)}`;
      if (info.step + 1 === WARM_UP) start = performance.now();
      seconds = (performance.now() - start) / 1000;
      // A pause in which the page is drawn. (A hidden page has no frames: there the timer ends it.)
      await new Promise((resolve) => {
        requestAnimationFrame(resolve);
        setTimeout(resolve, 50);
      });
    },
  });
  return { stepsPerSecond: (STEPS - WARM_UP) / seconds, loss };
}

for (const wanted of [1, undefined]) {
  const { threads, why } = await useThreads(wanted);
  const { stepsPerSecond, loss } = await train(threads);
  const row = document.createElement("tr");
  row.append(
    ...[`${threads}`, stepsPerSecond.toFixed(1), `${loss}`].map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }),
  );
  find("results").append(row);
  if (why) find("why").textContent = `Not on all cores: ${why}`;
}
find("status").textContent = "Done.";
document.body.dataset["state"] = "done";
