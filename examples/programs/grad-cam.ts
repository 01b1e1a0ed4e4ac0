// Where does a network look? Saliency is the gradient of the score by the pixels. Grad-CAM weighs the last feature maps by the
// means of their gradients: a coarse map of what speaks for the class. Here a class is a bright or a dark spot, anywhere.
import * as sk from "../../src/index.ts";

const rng = new sk.Rng(0);

/** Noise of 16×16 pixels with a spot of 4×4, dark (0) or bright (1), and where it is: 1 there, 0 elsewhere. */
function spots(count: number) {
  const labels = Array.from({ length: count }, () => rng.integer(2));
  const corners = labels.map(() => [4 * rng.integer(4), 4 * rng.integer(4)]);
  const where = sk.zeros([count, 1, 16, 16]);
  where.assign(where.data.map((_, i) => Number(`${[(i >> 4) & 12, i & 12]}` === `${corners[i >> 8]}`)));
  const brightness = sk.tensor(
    labels.map((label) => 4 * label - 2),
    [count, 1, 1, 1],
  );
  return { x: sk.add(sk.randn([count, 1, 16, 16], rng), sk.mul(where, brightness)), labels, where };
}

const model = sk.cifarResNet(8, { width: 8, inChannels: 1, classes: 2, rng });
await sk.fit(model, { data: () => [spots(64)], optimizer: new sk.Adam(model.parameters(), { lr: 0.01 }), steps: 60 });

const { x, where } = spots(100);
x.requiresGrad = true;
let features = x;
const see: sk.Observer = (path, _module, _x, y) => {
  if (path === "layer3") features = y;
};
const logits = sk.observe(model.eval(), see, () => model.forward(x));
const grads = sk.backward(sk.sum(sk.max(logits, 1)), { keep: [features] });
const saliency = sk.abs(grads.get(x));
const cam = sk.relu(sk.sum(sk.mul(features, sk.mean(grads.get(features), [2, 3], { keepDim: true })), 1)); // [100, 4, 4]

const inside = sk.sum(sk.mul(saliency, where)).item() / sk.sum(saliency).item();
console.log(`${(100 * inside).toFixed(0)} % of the saliency is in the spots, ${(100 / 16).toFixed(0)} % of the pixels`);
const [said, is] = [cam, sk.avgPool2d(where, { kernelSize: 4 })].map((map) => sk.argmax(sk.flatten(map, 1), 1).data);
const hits = said.filter((cell, i) => cell === is[i]).length;
console.log(`Grad-CAM is largest at the spot in ${hits} of 100 pictures`);
