/**
 * The same fine-tuning in a page: files are chosen by the person, decoded by the browser; checkpoints are in the origin's private
 * file system. (With `#steps=20` in the address it starts by itself.)
 */
/// <reference lib="dom" />
import {
  argmax,
  batches,
  IMAGENET1K_V1,
  loadWeights,
  predict,
  readCheckpoint,
  subset,
  writeCheckpoint,
} from "../../src/index.ts"; // In your project: from "skipstone".
import { fineTune, type Training, toOnnx } from "./fine-tune.ts";
import { datasetOf, drawPictures, type Picture } from "./pictures.ts";

const FILE = "skipstone-fine-tune.safetensors";
const byId = (id: string): HTMLElement => document.querySelector<HTMLElement>(`#${id}`)!;
const filesOf = (id: string): File[] => [...((byId(id) as HTMLInputElement).files ?? [])];
const folder = await navigator.storage.getDirectory();

/** The browser writes beside the file, and puts the new one in its place when it is closed. */
async function save(bytes: Uint8Array): Promise<void> {
  const writable = await (await folder.getFileHandle(FILE, { create: true })).createWritable();
  await writable.write(bytes as Uint8Array<ArrayBuffer>);
  await writable.close();
}

async function saved(): Promise<ArrayBuffer | null> {
  try {
    const file = await (await folder.getFileHandle(FILE)).getFile();
    return file.size > 0 ? await file.arrayBuffer() : null;
  } catch (error) {
    if ((error as Error).name === "NotFoundError") return null;
    throw error;
  }
}

/** The chosen pictures: the folder that a file lies in is its class. */
async function chosen(): Promise<Picture[]> {
  const files = filesOf("pictures").filter(({ type }) => type.startsWith("image/"));
  return await Promise.all(
    files.map(async (file) => {
      const image = await createImageBitmap(file);
      const { width, height } = image;
      const context = new OffscreenCanvas(width, height).getContext("2d")!;
      context.drawImage(image, 0, 0);
      return { name: file.webkitRelativePath.split("/").at(-2)!, pixels: context.getImageData(0, 0, width, height) };
    }),
  );
}

async function train(steps: number): Promise<void> {
  const status = byId("status");
  status.textContent = "Loading weights …";
  const weights = await loadWeights(filesOf("weights")[0] ?? (await fetch("/out/fine-tune/resnet18.pth")));
  const pictures = filesOf("pictures").length > 0 ? await chosen() : drawPictures();
  const dataset = datasetOf(pictures);
  const bytes = await saved();
  const points: string[] = [];
  const onStep: Training["onStep"] = async (step, loss, checkpoint) => {
    points.push(`${(100 * step) / Math.max(1, steps - 1)},${100 * (1 - loss / 2)}`);
    byId("losses").setAttribute("points", points.join(" "));
    byId("losses").dataset["losses"] = `${byId("losses").dataset["losses"] ?? ""} ${loss}`;
    status.textContent = `Step ${step + 1} of ${steps}: loss ${loss.toFixed(3)}`;
    if (step % 10 === 9) await save(writeCheckpoint(checkpoint()));
    await new Promise(requestAnimationFrame);
    return true;
  };
  const resume = bytes && readCheckpoint(bytes);
  const { model, accuracy } = await fineTune({ weights, pictures: dataset, steps, resume, onStep });
  const onnx = URL.createObjectURL(new Blob([toOnnx(model) as Uint8Array<ArrayBuffer>]));
  const result = byId("result");
  result.innerHTML = `<a href="${onnx}" download="model.onnx">The network as ONNX</a>.`;
  result.prepend(`${(100 * accuracy).toFixed(1)} % of the unseen pictures named rightly. `);
  const shown = Array.from({ length: 20 }, (_, i) => Math.floor((i * pictures.length) / 20));
  const sample = batches(subset(dataset, shown), { batchSize: 20, normalize: IMAGENET1K_V1 });
  argmax(await predict(model, sample), 1).data.forEach((best, i) => {
    byId("answers").append(figureOf(pictures[shown[i]], dataset.classes[best]));
  });
}

/** A picture, and under it what the network says. */
function figureOf({ pixels, name }: Picture, said: string): HTMLElement {
  const { width, height, data } = pixels;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  const channels = data.length / (width * height);
  for (let i = 0; i < width * height; i++) {
    image.data.set([...data.subarray(i * channels, i * channels + 3), 255], 4 * i);
  }
  context.putImageData(image, 0, 0);
  canvas.style.width = "6rem";
  const caption = document.createElement("figcaption");
  caption.textContent = said;
  caption.className = said === name ? "right" : "wrong";
  const figure = document.createElement("figure");
  figure.append(canvas, caption);
  return figure;
}

async function start(steps: number): Promise<void> {
  (byId("start") as HTMLButtonElement).disabled = true;
  try {
    await train(steps);
    document.body.dataset["state"] = "done";
  } catch (error) {
    byId("status").textContent = String(error);
    throw error;
  }
}

byId("start").addEventListener("click", () => start(60));
byId("again").addEventListener("click", async () => {
  if (await saved()) await folder.removeEntry(FILE);
  location.reload();
});
const steps = /steps=(\d+)/.exec(location.hash)?.[1];
if (steps) await start(Number(steps));
