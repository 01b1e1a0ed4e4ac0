// A confusion matrix: how many pictures of each class (row) are taken for which (column).
import { Adam, argmax, cifarResNet, fit, predict, Rng, randn } from "../../src/index.ts";

const rng = new Rng(0);
const classes = ["left", "right", "both"];

/** Noise whose left half, right half or whole is brighter. */
function pictures(count: number) {
  const labels = Array.from({ length: count }, () => rng.integer(3));
  const x = randn([count, 1, 8, 8], rng);
  x.assign(x.data.map((v, i) => v + (labels[i >> 6] === 2 || labels[i >> 6] === (i >> 2) % 2 ? 0.4 : 0)));
  return { x, labels };
}

const model = cifarResNet(8, { width: 4, inChannels: 1, classes: 3, rng });
await fit(model, { data: () => [pictures(64)], optimizer: new Adam(model.parameters(), { lr: 0.01 }), steps: 40 });

const unseen = pictures(600);
const said = argmax(await predict(model, [unseen]), 1).data;
const matrix = classes.map(() => classes.map(() => 0));
unseen.labels.forEach((label, i) => {
  matrix[label][said[i]]++;
});

console.log(`is \\ said ${classes.map((name) => name.padStart(6)).join(" ")}`);
matrix.forEach((row, i) => {
  console.log(`${classes[i].padEnd(9)} ${row.map((n) => `${n}`.padStart(6)).join(" ")}`);
});
