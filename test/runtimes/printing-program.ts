/** Prints tensors, alone and in other things, between lines of dashes. Bundled and run by printing.test.ts. */
import { mul, noGrad, type Tensor, tensor } from "../../src/index.ts";

declare const console: { log(...values: unknown[]): void; error(...values: unknown[]): void };
declare function structuredClone<T>(value: T): T;

const matrix = tensor([
  [1, 2],
  [3, 4],
]);
const kept: Tensor[] = [];
noGrad(() => kept.push(mul(matrix, 2)));

const printed: readonly (readonly unknown[])[] = [
  [matrix],
  [tensor(5), "and", tensor([0.5, -1])],
  ["%s", matrix],
  [kept[0]],
  [{ a: tensor([1, 2]), b: [tensor([3])] }],
  [new Map([["k", tensor([1, 2])]])],
  [`${tensor([1, 2])}`],
  [JSON.stringify(matrix)],
  [tensor(structuredClone(matrix))],
];
for (const values of printed) {
  console.log(...values);
  console.log("---");
}
