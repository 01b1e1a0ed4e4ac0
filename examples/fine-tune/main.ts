/**
 * Fine-tunes a ResNet-18 on pictures in folders, in Node: README.md says how to run it. Ctrl-C ends it after a step; the same
 * command goes on from there.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { decodeImages, type Pixels } from "../../src/index.ts"; // In your project: from "skipstone".
import { CheckpointFolder, loadWeightsFile, readImageFolder } from "../../src/node/index.ts"; // In your project: from "skipstone/node".
import { fineTune, toOnnx } from "./fine-tune.ts";
import { drawPictures, square } from "./pictures.ts";

const text = (value: string) => ({ type: "string", default: value }) as const;
const { values } = parseArgs({
  options: {
    weights: text("out/fine-tune/resnet18.pth"),
    pictures: text(""),
    out: text("out/fine-tune"),
    steps: text("60"),
  },
});
const folder = values.pictures || join(values.out, "pictures");
const steps = Number(values.steps);

/** Writes the drawings as PNG files, a folder for each class. */
async function writePictures(): Promise<void> {
  for (const [name, { data, width, height }] of drawPictures()) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(folder, name));
  }
}

async function decode(file: string): Promise<Pixels> {
  const image = sharp(file, { autoOrient: true }).toColourspace("srgb").removeAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

if (!values.pictures && !existsSync(folder)) await writePictures();
const pictures = await decodeImages(await readImageFolder(folder), { decode, transform: square });
console.log(`${pictures.shape[0]} pictures of ${pictures.classes.join(", ")}`);

let interrupted = false;
process.once("SIGINT", () => {
  interrupted = true;
});
const checkpoints = new CheckpointFolder(join(values.out, "checkpoints"), { keepLast: 1 });
const resume = await checkpoints.latest();
const { model, accuracy } = await fineTune({
  weights: await loadWeightsFile(values.weights),
  pictures,
  steps,
  resume,
  onStep: async (step, loss, checkpoint) => {
    console.log(`step ${step + 1} of ${steps}: loss ${loss}`);
    await setImmediate(); // Lets Ctrl-C be heard.
    if (interrupted || step % 20 === 19) await checkpoints.save(checkpoint());
    return !interrupted;
  },
});
if (interrupted) {
  console.log("stopped: the same command goes on from here");
} else {
  console.log(`${(100 * accuracy).toFixed(1)} % of the unseen pictures named rightly`);
  const onnx = join(values.out, "model.onnx");
  writeFileSync(onnx, toOnnx(model));
  console.log(`written: ${onnx}`);
}
