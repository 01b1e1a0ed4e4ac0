/**
 * Fine-tunes a ResNet-18 on pictures in folders, in Node: README.md says how to run it. Ctrl-C ends it after a step; the same
 * command goes on from there.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { CheckpointFolder, loadWeightsFile } from "../../src/node/index.ts"; // In your project: from "skipstone/node".
import { fineTune, toOnnx } from "./fine-tune.ts";
import { datasetOf, drawPictures, type Picture } from "./pictures.ts";

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
  for (const [i, { name, pixels }] of drawPictures().entries()) {
    mkdirSync(join(folder, name), { recursive: true });
    const { data, width, height } = pixels;
    await sharp(data, { raw: { width, height, channels: 3 } }).toFile(join(folder, name, `${i + 1000}.png`));
  }
}

/** Every file in every folder, in the order of their names. */
async function readPictures(): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (const name of readdirSync(folder).sort()) {
    for (const file of readdirSync(join(folder, name)).sort()) {
      const image = sharp(join(folder, name, file), { autoOrient: true })
        .toColourspace("srgb")
        .removeAlpha();
      const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
      pictures.push({ name, pixels: { width: info.width, height: info.height, data } });
    }
  }
  return pictures;
}

if (!values.pictures && !existsSync(folder)) await writePictures();
const pictures = datasetOf(await readPictures());
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
