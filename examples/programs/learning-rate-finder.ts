// Which learning rate? One short training whose rate grows a hundred-thousandfold (Smith 2017, section 3.3): where the loss falls
// fastest is a good rate; where it rises again the training breaks. The weights are put back afterwards.
import { batches, cifarResNet, copyState, fit, makeDataset, Rng, randn, SGD } from "../../src/index.ts";

const rng = new Rng(0);
const labels = Uint8Array.from({ length: 512 }, () => rng.integer(2));
const images = Float32Array.from(
  randn([512, 1, 8, 8], rng).data,
  (v, i) => v / 4 + (labels[i >> 6] === (i >> 5) % 2 ? 0.3 : 0),
);
const pictures = makeDataset({ name: "halves", images, labels, shape: [512, 1, 8, 8], classes: ["upper", "lower"] });
const model = cifarResNet(8, { width: 4, inChannels: 1, classes: 2, rng });

const [LEAST, MOST, STEPS] = [1e-4, 10, 100];
const start = copyState(model);
const rates: number[] = [];
const losses: number[] = [];
await fit(model, {
  data: () => batches(pictures, { batchSize: 32, rng }),
  optimizer: new SGD(model.parameters(), { lr: LEAST, momentum: 0.9 }),
  schedule: (step) => LEAST * (MOST / LEAST) ** (step / (STEPS - 1)),
  steps: STEPS,
  onStep: ({ loss, lr }) => {
    // A running mean: single batches say little.
    losses.push(0.9 * (losses.at(-1) ?? loss) + 0.1 * loss);
    rates.push(lr);
    return (losses.at(-1) ?? 0) < 4 * Math.min(...losses);
  },
});
model.loadStateDict(start);

const falls = losses.map((loss, i) => (i > 0 ? loss - losses[i - 1] : 0));
console.log(`the loss falls fastest at a rate of ${rates[falls.indexOf(Math.min(...falls))].toPrecision(1)}`);
console.log(
  `it is lowest at ${rates[losses.indexOf(Math.min(...losses))].toPrecision(1)}: beyond, the training breaks`,
);
