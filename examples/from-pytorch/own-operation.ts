import { backward, defineOperation, mul, round, sum, type Tensor, tensor } from "../../src/index.ts";

const straight = defineOperation({
  name: "mine.round",
  forward: (x: Tensor) => round(x),
  backward: (gy) => [gy], // as if it were y = x
});

const x = tensor([0.4, 1.6, -2.7], { requiresGrad: true });
const y = straight(x);
const grads = backward(sum(mul(y, y)));
console.log(y.toArray()); // [0, 2, -3]
console.log(grads.get(x).toArray()); // [0, 4, -6]
