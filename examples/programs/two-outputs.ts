// Two inputs and two outputs: of two points, which is further right (a class), and how far apart they are (a number).
// Data, loss and metrics have the types that `Module<Points, Answer>` takes and returns.
import * as sk from "../../src/index.ts";

type Points = { a: sk.Tensor; b: sk.Tensor };
type Answer = { which: sk.Tensor; distance: sk.Tensor };
const rng = new sk.Rng(0);

class Compare extends sk.Module<Points, Answer> {
  readonly body = new sk.Linear(4, 64, { rng });
  readonly which = new sk.Linear(64, 2, { rng });
  readonly distance = new sk.Linear(64, 1, { rng });

  forward({ a, b }: Points): Answer {
    const features = sk.relu(this.body.forward(sk.concat([a, b], 1)));
    return { which: this.which.forward(features), distance: this.distance.forward(features) };
  }
}

function pairs(count: number) {
  const [a, b] = [sk.uniform([count, 2], rng, -1, 1), sk.uniform([count, 2], rng, -1, 1)];
  const way = sk.sub(b, a);
  const which = way.toArray().map(([right]) => Number(right > 0));
  return { x: { a, b }, labels: { which, distance: sk.sqrt(sk.sum(sk.mul(way, way), 1, { keepDim: true })) } };
}

const model = new Compare();
await sk.fit(model, {
  data: () => [pairs(64)],
  loss: (said, is) => sk.add(sk.crossEntropy(said.which, is.which), sk.mseLoss(said.distance, is.distance)),
  optimizer: new sk.Adam(model.parameters(), { lr: 0.01 }),
  steps: 500,
});
const { loss, metrics } = await sk.evaluate(model, [pairs(1000)], {
  loss: (said, is) => sk.mseLoss(said.distance, is.distance),
  metrics: { which: (said, is) => sk.accuracy(said.which, is.which) },
});
console.log(`which: ${(100 * metrics.which).toFixed(1)} % correct; distance: off by ${Math.sqrt(loss).toFixed(3)}`);
