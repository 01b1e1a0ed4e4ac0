/** The page: starts the worker, shows its reports, and can ask it to stop. The network is in worker.ts. */
/// <reference lib="dom" />
import type { Report } from "./worker.ts";

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const status = document.querySelector("#status")!;
const progress = document.querySelector("progress")!;
const stop = document.querySelector("button")!;

stop.addEventListener("click", () => worker.postMessage("stop"));
worker.addEventListener("error", (event) => {
  status.textContent = `The worker failed: ${event.message}`;
});
worker.addEventListener("message", ({ data: report }: MessageEvent<Report>) => {
  if (report.kind === "step") {
    progress.max = report.steps;
    progress.value = report.step;
    status.textContent = `Step ${report.step} of ${report.steps}, loss ${report.loss.toFixed(3)}`;
  } else {
    status.textContent = `Done: ${(100 * report.accuracy).toFixed(1)} % of ${report.images} unseen shapes named correctly.`;
    stop.disabled = true;
    document.body.dataset["accuracy"] = String(report.accuracy);
    document.body.dataset["state"] = "done";
  }
});

let frames = 0;
const draw = (): void => {
  document.querySelector("#frames")!.textContent = String(frames++);
  requestAnimationFrame(draw);
};
draw();
