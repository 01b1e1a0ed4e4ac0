import {
  backward,
  crossEntropy,
  gradNorm,
  Linear,
  observe,
  Rng,
  randn,
  Sequential,
  Tanh,
  type Tensor,
} from "../../src/index.ts";

const rng = new Rng(1);
const model = new Sequential(new Linear(8, 16, { rng }), new Tanh(), new Linear(16, 3, { rng }));
const x = randn([4, 8], rng);
const shapes: [string, Tensor["shape"]][] = [];
const logits = observe(
  model,
  (path, _part, _x, y) => {
    if (path !== "") shapes.push([path, y.shape]);
  },
  () => model.forward(x),
);
console.log(shapes); // [["0", [4, 16]], ["1", [4, 16]], ["2", [4, 3]]]

const grads = backward(crossEntropy(logits, [0, 1, 2, 0]));
for (const [name, p] of model.namedParameters()) console.log(name, gradNorm(grads, [p]) > 0); // four lines, true
