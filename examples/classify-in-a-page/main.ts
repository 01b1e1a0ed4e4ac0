/**
 * A photograph and a file of weights, chosen or dropped: what a network sees there, and where (Grad-CAM). Everything stays in the
 * page: the network runs in worker.ts. (With `#drop=cat.png,resnet18.pth` in the address it takes these files beside it.)
 */
/// <reference lib="dom" />
import type { ModelName } from "../../src/index.ts"; // In your project: from "skipstone".
import type { Question, Reply } from "./worker.ts";

/** Above it a picture is refused: a browser's canvas ends somewhere there. */
const MOST_PIXELS = 100e6;
const MOST_WEIGHTS = 2 ** 31;
const DEMONSTRATION = /^#(drop|choose)=(.+)/;

const find = <E extends HTMLElement>(id: string): E => document.querySelector<E>(`#${id}`)!;
const status = find("status");
const drop = find("drop");
const canvas = find<HTMLCanvasElement>("picture");
const network = find<HTMLSelectElement>("network");
const showsHeat = find<HTMLInputElement>("heat");

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const ask = (question: Question): void => worker.postMessage(question);

let bitmap: ImageBitmap | undefined;
let weights: File | undefined;
/** How the network's picture is cut out of the photograph. */
let [resize, crop] = [256, 224];
let heat: (Reply & { kind: "heat" }) | undefined;

function say(text: string, isError = false): void {
  status.textContent = text;
  status.className = isError ? "error" : "";
  if (isError && DEMONSTRATION.test(location.hash)) document.body.dataset["state"] = "done";
}

/** Runs `task`, and says what went wrong in it. */
async function tell(task: () => void | Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    say((error as Error).message, true);
  }
}

async function takePhotograph(file: File): Promise<void> {
  say(`Reading ${file.name} …`);
  find("result").hidden = true;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`${file.name} is no picture that this browser can read.`);
  }
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) {
    throw new Error(`${file.name} is too big: ${width} × ${height} pixels, and at most 100 million fit in here.`);
  }
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.drawImage(bitmap, 0, 0);
  ask({ kind: "picture", pixels: context.getImageData(0, 0, width, height) });
}

function takeWeights(file: File): void {
  if (file.size > MOST_WEIGHTS) throw new Error(`${file.name} is too big: the weights may have 2 GiB.`);
  weights = file;
  find("result").hidden = true;
  say(`Reading ${file.name}, ${(file.size / 1e6).toFixed(1)} MB …`);
  ask({ kind: "weights", file, network: (network.value || undefined) as ModelName | undefined });
}

type Kind = "photograph" | "weights" | "names";

async function take(kind: Kind, file: File): Promise<void> {
  if (kind === "photograph") await takePhotograph(file);
  else if (kind === "weights") takeWeights(file);
  else ask({ kind: "names", text: await file.text() });
}

/** Takes each dropped file for what it is, and shows it as chosen. */
async function takeFiles(files: Iterable<File>): Promise<void> {
  for (const file of files) {
    const kind: Kind | undefined = file.type.startsWith("image/")
      ? "photograph"
      : /\.(txt|json)$/i.test(file.name)
        ? "names"
        : /\.(pth|pt|bin|safetensors|npz)$/i.test(file.name)
          ? "weights"
          : undefined;
    if (!kind) {
      throw new Error(`${file.name} is neither a picture nor weights (.pth, .safetensors) nor names (.txt, .json).`);
    }
    const transfer = new DataTransfer();
    transfer.items.add(file);
    find<HTMLInputElement>(kind).files = transfer.files;
    await take(kind, file);
  }
}

/** The part of the photograph that the network sees, and over it the glow. */
function draw(): void {
  if (!bitmap) return;
  const context = canvas.getContext("2d")!;
  const shorter = Math.min(bitmap.width, bitmap.height);
  const side = (shorter * crop) / resize;
  const { width, height } = canvas;
  context.globalAlpha = 1;
  context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, width, height);
  if (!heat || !showsHeat.checked) return;
  const { rows } = heat;
  const map = new ImageData(rows[0].length, rows.length);
  rows.flat().forEach((value, i) => {
    map.data.set([255, 255 * (1 - value) ** 0.7, 0, 200 * value], 4 * i);
  });
  const small = new OffscreenCanvas(map.width, map.height);
  small.getContext("2d")!.putImageData(map, 0, 0);
  context.drawImage(small, 0, 0, width, height);
}

function showAnswers({ answers, milliseconds }: Reply & { kind: "answers" }): void {
  heat = undefined;
  find("answers").replaceChildren(
    ...answers.map(({ label, name, probability }, i) => {
      const row = document.createElement("label");
      row.className = "answer";
      row.innerHTML = `<input type="radio" name="class"><span class="name"></span><span class="share"></span><span class="bar"><i></i></span>`;
      const radio = row.querySelector("input")!;
      Object.assign(radio, { value: `${label}`, checked: i === 0 });
      radio.addEventListener("change", () => ask({ kind: "heat", label }));
      row.querySelector(".name")!.textContent = name;
      row.querySelector(".share")!.textContent = `${(100 * probability).toFixed(1)} %`;
      row.querySelector<HTMLElement>("i")!.style.width = `${100 * probability}%`;
      row.dataset["probability"] = `${probability}`;
      row.dataset["label"] = `${label}`;
      return row;
    }),
  );
  canvas.setAttribute("aria-label", `The middle of the photograph: ${answers[0].name}`);
  find("result").hidden = false;
  draw();
  say(`${network.dataset["found"]} answered in ${milliseconds.toFixed(0)} ms.`);
  ask({ kind: "heat", label: answers[0].label });
}

worker.addEventListener("error", (event) => say(`The worker failed: ${event.message}`, true));
worker.addEventListener("message", ({ data: reply }: MessageEvent<Reply>) => {
  if (reply.kind === "ready") for (const name of reply.networks) network.add(new Option(name));
  else if (reply.kind === "error") say(reply.message, true);
  else if (reply.kind === "waiting" && !status.className) say(`Now the ${reply.what}.`);
  else if (reply.kind === "network") {
    [resize, crop] = [reply.resize, reply.crop];
    network.dataset["found"] = reply.name;
    network.options[0].text = `find it: ${reply.name}, ${reply.classes} classes`;
  } else if (reply.kind === "answers") showAnswers(reply);
  else if (reply.kind === "heat") {
    heat = reply;
    if (reply.peak === 0) say("Nothing in the picture speaks for this class: no glow.");
    draw();
    Object.assign(canvas.dataset, { heat: JSON.stringify(reply.rows), label: `${reply.label}` });
    document.body.dataset["state"] = "done";
  }
});

for (const kind of ["photograph", "weights", "names"] as const) {
  find(kind).addEventListener("change", (event) =>
    tell(async () => {
      const [file] = (event.target as HTMLInputElement).files ?? [];
      if (file) await take(kind, file);
    }),
  );
}
network.addEventListener("change", () => tell(() => weights && takeWeights(weights)));
showsHeat.addEventListener("change", draw);
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
document.addEventListener("dragleave", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  void tell(() => takeFiles(event.dataTransfer?.files ?? []));
});

/** `#drop=a.png,b.pth` or `#choose=…`: does by itself what a person would do with these files. */
async function demonstrate(way: string, names: readonly string[]): Promise<void> {
  const transfers = names.map(async (name) => {
    const blob = await (await fetch(name)).blob();
    const transfer = new DataTransfer();
    transfer.items.add(new File([blob], name, { type: /\.(png|jpe?g)$/.test(name) ? "image/png" : "" }));
    return transfer;
  });
  for (const dataTransfer of await Promise.all(transfers)) {
    if (way === "drop") {
      document.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    } else {
      const input = find<HTMLInputElement>(dataTransfer.files[0].type ? "photograph" : "weights");
      input.files = dataTransfer.files;
      input.dispatchEvent(new Event("change"));
    }
  }
}

const [, way, names] = DEMONSTRATION.exec(location.hash) ?? [];
if (way) void tell(() => demonstrate(way, names.split(",")));
