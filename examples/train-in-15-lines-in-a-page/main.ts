/** The page: shows the program of the fifteen lines and runs what stands there in a worker. (With `#run` it starts by itself.) */
/// <reference lib="dom" />
import type { Report } from "./worker.ts";

const find = <E extends HTMLElement>(id: string): E => document.querySelector<E>(`#${id}`)!;
const [run, stop] = [find<HTMLButtonElement>("run"), find<HTMLButtonElement>("stop")];
const output = find("output");
const status = find("status");
/** Where the digits are: MNIST's four files. */
const digits = new URL(output.dataset["digits"]!, location.href).href;

let worker: Worker | undefined;

function end(words: string): void {
  worker?.terminate();
  worker = undefined;
  [run.disabled, stop.disabled] = [false, true];
  status.textContent = words;
}

function start(): void {
  output.textContent = "";
  [run.disabled, stop.disabled] = [true, false];
  status.textContent = "Running …";
  const started = performance.now();
  worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("error", (event) => end(`The worker failed: ${event.message}`));
  worker.addEventListener("message", ({ data: report }: MessageEvent<Report>) => {
    if (report.kind === "line") output.textContent += `${report.text}\n`;
    else if (report.kind === "error") end(report.message);
    else {
      end(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
      document.body.dataset["state"] = "done";
    }
  });
  worker.postMessage({ source: find<HTMLTextAreaElement>("source").value, digits });
}

run.addEventListener("click", start);
stop.addEventListener("click", () => end("Stopped."));
if (location.hash === "#run") start();
