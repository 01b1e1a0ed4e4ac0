/**
 * The same fine-tuning in a page: files are chosen by the person, decoded by the browser; checkpoints are in the origin's private
 * file system. (With `#steps=20` in the address it starts by itself.)
 */
/// <reference lib="dom" />
import {
  argmax,
  batches,
  type Dataset,
  decodeImages,
  IMAGENET1K_V1,
  imageFolder,
  loadWeights,
  type Pixels,
  predict,
  readCheckpoint,
  subset,
  writeCheckpoint,
} from "../../src/index.ts"; // In your project: from "skipstone".
import { fineTune, type Training, toOnnx } from "./fine-tune.ts";
import { drawPictures, square } from "./pictures.ts";

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

/** The chosen pictures, or drawings. */
async function readPictures(): Promise<Dataset> {
  const files = filesOf("pictures");
  if (files.length > 0) return await decodeImages(imageFolder(files), { decode, transform: square });
  const drawings = drawPictures();
  return await decodeImages(imageFolder(drawings.keys()), { decode: (name) => drawings.get(name)!, transform: square });
}

async function decode(file: File): Promise<Pixels> {
  const image = await createImageBitmap(file);
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d")!;
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, width, height);
}

async function train(steps: number): Promise<void> {
  const status = byId("status");
  status.textContent = "Loading weights and pictures …";
  const weights = await loadWeights(filesOf("weights")[0] ?? (await fetch("/out/fine-tune/resnet18.pth")));
  const pictures = await readPictures();
  const shown = Array.from({ length: 20 }, (_, i) => Math.floor(((i + 0.5) * pictures.labels.length) / 20));
  const some = subset(pictures, shown);
  byId("answers").replaceChildren(...shown.map((_, i) => figureOf(some, i)));
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
  const { model, accuracy } = await fineTune({ weights, pictures, steps, resume, onStep });
  const onnx = URL.createObjectURL(new Blob([toOnnx(model) as Uint8Array<ArrayBuffer>]));
  const result = byId("result");
  result.innerHTML = `<a href="${onnx}" download="model.onnx">The network as ONNX</a>.`;
  result.prepend(`${(100 * accuracy).toFixed(1)} % of the unseen pictures named rightly. `);
  const answers = argmax(await predict(model, batches(some, { batchSize: 20, normalize: IMAGENET1K_V1 })), 1).data;
  document.querySelectorAll("#answers figcaption").forEach((caption, i) => {
    caption.textContent = some.classes[answers[i]];
    caption.className = answers[i] === some.labels[i] ? "right" : "wrong";
  });
}

/** A picture as the network sees it, with room for a word under it. */
function figureOf({ images, shape: [, C, H, W] }: Dataset, index: number): HTMLElement {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: W, height: H });
  const image = new ImageData(W, H);
  for (let i = 0; i < image.data.length; i++) {
    const value = images[(index * C + (i % 4)) * H * W + Math.floor(i / 4)];
    image.data[i] = i % 4 === 3 ? 255 : 255 * value;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  const figure = document.createElement("figure");
  figure.append(canvas, document.createElement("figcaption"));
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
