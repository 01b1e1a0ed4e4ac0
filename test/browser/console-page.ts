/** Prints tensors. Bundled by values.test.ts. */
import { tensor } from "../../src/index.ts";

declare const console: { log(...values: unknown[]): void; table(value: unknown): void };

const matrix = tensor([
  [1, 2],
  [3, 4],
]);
console.log(matrix);
console.log("%s", matrix);
console.log(`${matrix}`);
console.log({ matrix });
