/**
 * The page: buttons, a curve, and what the worker says. The network and its checkpoint are in worker.ts.
 * (With `#reloads=3` in the address it trains by itself, and reloads three times in the middle of it.)
 */
/// <reference lib="dom" />
import type { Order, Report } from "./worker.ts";

const find = <E extends Element>(id: string): E => document.querySelector<E>(`#${id}`)!;
const status = find<HTMLElement>("status");
const progress = find<HTMLProgressElement>("progress");
const [train, stop, forget] = ["train", "stop", "forget"].map((id) => find<HTMLButtonElement>(id));
const weights = find<HTMLAnchorElement>("weights");

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const order = (what: Order): void => worker.postMessage(what);
const points: string[] = [];

/** Which buttons can be used. */
function enable(trains: boolean, step: number, steps: number): void {
  stop.disabled = !trains;
  train.disabled = trains || step >= steps;
  forget.disabled = trains || step === 0;
  train.textContent = step > 0 ? "Go on" : "Train";
}

function showRest({ step, steps, accuracy, file, found }: Report & { kind: "rests" }): void {
  enable(false, step, steps);
  if (step === 0) {
    points.length = 0;
    find("losses").setAttribute("points", "");
    status.textContent = "No weights are kept here yet.";
  } else if (accuracy === undefined) {
    status.textContent = found
      ? `Found the weights of step ${step} of ${steps}: it goes on from there.`
      : `Stopped after step ${step} of ${steps}; the weights are kept.`;
  } else {
    status.textContent = `All ${steps} steps are done: ${(100 * accuracy).toFixed(1)} % of 300 unseen shapes named rightly. The weights are kept.`;
  }
  if (weights.href.startsWith("blob:")) URL.revokeObjectURL(weights.href);
  weights.hidden = !file;
  if (file) weights.href = URL.createObjectURL(new Blob([file]));
}

const lives = Number(sessionStorage.getItem("lives") ?? 0) + 1;
const reloads = /reloads=(\d+)/.exec(location.hash)?.[1];
if (reloads !== undefined) sessionStorage.setItem("lives", `${lives}`);
let mayStart = reloads !== undefined;

worker.addEventListener("error", (event) => {
  status.textContent = `The worker failed: ${event.message}`;
});
worker.addEventListener("message", ({ data: report }: MessageEvent<Report>) => {
  if (report.kind === "error") {
    status.textContent = `It cannot go on: ${report.message}`;
    return;
  }
  progress.max = report.steps;
  progress.value = report.step;
  if (report.kind === "step") {
    enable(true, report.step, report.steps);
    points.push(`${(100 * report.step) / report.steps},${1 - report.loss / Math.log(3) / 1.5}`);
    find("losses").setAttribute("points", points.join(" "));
    status.textContent = `Step ${report.step} of ${report.steps}, loss ${report.loss.toFixed(3)}`;
    // By itself: stops in the middle of each life but the last, and reloads.
    if (lives <= Number(reloads) && points.length === 25) order("stop");
    return;
  }
  showRest(report);
  document.body.dataset["found"] ??= `${report.step}`;
  if (mayStart) order("train");
  else if (lives <= Number(reloads)) location.reload();
  else if (reloads !== undefined) document.body.dataset["state"] = "done";
  mayStart = false;
});
train.addEventListener("click", () => order("train"));
stop.addEventListener("click", () => order("stop"));
forget.addEventListener("click", () => order("forget"));
