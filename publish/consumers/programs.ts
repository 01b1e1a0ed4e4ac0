/** The programs that consumers of the package build and run. */
import { readFileSync } from "node:fs";

/** Trains two steps and prints the losses; on the plain tier, whose bits are the same everywhere. */
export const TRAINS = `
import { backward, cifarResNet, crossEntropy, Rng, randn, SGD, useKernels } from "skipstone";

useKernels("plain");
const rng = new Rng(1);
const model = cifarResNet(8, { width: 4, rng });
const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
const x = randn([4, 3, 32, 32], rng);
const losses = [];
for (let step = 0; step < 2; step++) {
  const loss = crossEntropy(model.forward(x), [0, 1, 2, 3]);
  optimizer.step(backward(loss));
  losses.push(loss.item());
}
console.log("losses " + losses.join(" "));
`;

/** The same, with what only the declarations tell: something right, and something wrong. */
export const TYPED: string = `${TRAINS}
const shape: readonly number[] = x.shape;
console.log(shape.length);
// @ts-expect-error There is no such option.
export const wrong = () => new SGD(model.parameters(), { learningRate: 1 });
`;

/** The same as a function that returns what is printed. */
export const RETURNS: string = `${TRAINS.replace(/^(import .*)$/m, "$1\nfunction train() {").replace(/console\.log\((.*)\);/, "return $1;")}}\n`;

/** The same for a file of CommonJS. */
export const REQUIRES: string = TRAINS.replace(/import (\{.*\}) from ("skipstone")/, "const $1 = require($2)");

/** A part that requires the package, and a program that imports both: they must have one instance. */
export const PART = 'exports.Tensor = require("skipstone").Tensor;\n';
export const MIXED = `import { Tensor } from "skipstone";
import part from "./part.cjs";
console.log("one instance: " + (part.Tensor === Tensor));
`;

/** Computes on two threads; workers get the text of a function, whatever a bundler has made of it. */
export const THREADED = `
import { matmul, noGrad, randn, Rng, useThreads } from "skipstone";

let warnings = 0;
console.warn = () => warnings++;
const x = randn([400, 400], new Rng(1));
const product = () => noGrad(() => matmul(x, x)).data.join();
const alone = product();
useThreads(2).then(({ threads, why }) => {
  console.log([threads, why, product() === alone, product() === alone, warnings].join(" "));
});
`;

/** README.md's first program, as it is written there. */
export function firstProgram(): string {
  const code = /^```ts\n(import .*?)^```$/ms.exec(readFileSync("README.md", "utf8"))?.[1];
  if (code === undefined) throw new Error("README.md has no program that starts with an import");
  return code;
}
