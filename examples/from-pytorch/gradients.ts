import { backward, mul, sum, tensor } from "../../src/index.ts";

const values = [
  [1, 2],
  [3, 4],
];
const x = tensor(values, { requiresGrad: true });
const loss = sum(mul(x, x));
const grads = backward(loss);
console.log(loss.item()); // 30
console.log(grads.get(x).toArray()); // [[2, 4], [6, 8]]
