/** The worker: holds the network and the picture, classifies, and makes maps, while the page stays free. */
/// <reference lib="dom" />
import {
  cifar10Classes,
  imageToTensor,
  loadWeights,
  type ModelName,
  modelNames,
  type Tensor,
} from "../../src/index.ts"; // In your project: from "skipstone".
import { readNames } from "./names.ts";
import { type Answer, classify, gradCam, type Network, networkFor } from "./network.ts";

/** What the page asks. */
export type Question =
  | { readonly kind: "weights"; readonly file: File; readonly network: ModelName | undefined }
  | { readonly kind: "picture"; readonly pixels: ImageData }
  | { readonly kind: "names"; readonly text: string }
  | { readonly kind: "heat"; readonly label: number };

/** What the worker says. */
export type Reply =
  | { readonly kind: "ready"; readonly networks: readonly ModelName[] }
  | {
      readonly kind: "network";
      readonly name: string;
      readonly classes: number;
      readonly crop: number;
      readonly resize: number;
    }
  | {
      readonly kind: "answers";
      readonly answers: readonly (Answer & { readonly name: string })[];
      readonly milliseconds: number;
    }
  | { readonly kind: "heat"; readonly label: number; readonly rows: number[][]; readonly peak: number }
  | { readonly kind: "waiting"; readonly what: "photograph" | "weights" }
  | { readonly kind: "error"; readonly message: string };

const reply = (message: Reply): void => postMessage(message);

let network: Network | undefined;
let pixels: ImageData | undefined;
let x: Tensor | undefined;
let namesText: string | undefined;

function answer(): void {
  if (!network || !pixels) {
    reply({ kind: "waiting", what: network ? "photograph" : "weights" });
    return;
  }
  x = imageToTensor(pixels, network.preprocessing);
  const start = performance.now();
  const found = classify(network, x);
  const milliseconds = performance.now() - start;
  const usual = network.classes === 10 ? cifar10Classes : undefined;
  const names = namesText === undefined ? usual : readNames(namesText, network.classes);
  const answers = found.map((one) => ({ ...one, name: names?.[one.label] ?? `class ${one.label}` }));
  reply({ kind: "answers", answers, milliseconds });
}

async function take(question: Question): Promise<void> {
  if (question.kind === "heat") {
    if (network && x) reply({ kind: "heat", label: question.label, ...gradCam(network, x, question.label) });
    return;
  }
  if (question.kind === "weights") {
    network = undefined;
    network = networkFor(await loadWeights(question.file), question.network);
    const { name, classes, preprocessing } = network;
    reply({ kind: "network", name, classes, crop: preprocessing.crop!, resize: preprocessing.resize! });
  } else if (question.kind === "picture") pixels = question.pixels;
  else namesText = question.text;
  answer();
}

let last = Promise.resolve();
addEventListener("message", ({ data }: MessageEvent<Question>) => {
  // One after the other, in the order in which they came.
  last = last.then(() => take(data)).catch((error: Error) => reply({ kind: "error", message: error.message }));
});
// Networks for photographs: the highways among the others read digits.
reply({ kind: "ready", networks: modelNames.filter((name) => !name.includes("highway")) });
