import { add, backward, linear, mseLoss, mul, SGD, tensor, zeros } from "../../src/index.ts";

const x = tensor([[-1], [0], [1], [2]]);
const y = add(mul(x, 2), 1);
const w = zeros([1, 1], { requiresGrad: true });
const b = zeros([1], { requiresGrad: true });
const optimizer = new SGD([w, b], { lr: 0.1 });
for (let step = 0; step < 200; step++) {
  const loss = mseLoss(linear(x, w, b), y);
  optimizer.step(backward(loss));
}
console.log(w.item()); // 2.000
console.log(b.item()); // 1.000
