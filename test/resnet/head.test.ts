/** Another head: every network's classifier may be replaced, and is then a part like any other. */
import { expect, it } from "vitest";
import { Linear, type Module, Sequential } from "../../src/nn/index.ts";
import { cifarResNet, highwayConvNet, highwayNet, resnet18, vgg } from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

const rng = new Rng(0);
const images = randn([2, 3, 32, 32], rng);

const replaced: [string, () => Module][] = [
  [
    "cifarResNet",
    () => {
      const model = cifarResNet(8, { width: 4, rng });
      model.fc = new Linear(model.fc.inFeatures, 3, { rng });
      return model;
    },
  ],
  [
    "resnet18",
    () => {
      const model = resnet18({ rng });
      model.fc = new Linear(model.fc.inFeatures, 3, { rng });
      return model;
    },
  ],
  [
    "highwayConvNet",
    () => {
      const model = highwayConvNet(19, { width: 4, rng });
      model.fc = new Linear(model.fc.inFeatures, 3, { rng });
      return model;
    },
  ],
  [
    "highwayNet",
    () => {
      const model = highwayNet(10, { inFeatures: 3 * 32 * 32, units: 8, rng });
      model.output = new Linear(model.output.inFeatures, 3, { rng });
      return model;
    },
  ],
  [
    "vgg",
    () => {
      const model = vgg(11, { classes: 10, hidden: [8], gridSize: 1, rng });
      model.classifier = new Sequential(...model.classifier.layers.slice(0, -1), new Linear(8, 3, { rng }));
      return model;
    },
  ],
];

it.each(replaced)("%s", (_, make) => {
  const model = make();
  const last = model
    .namedParameters()
    .slice(-2)
    .map(([, t]) => t.shape);
  expect(last[0][0]).toBe(3);
  expect(last[1]).toEqual([3]);
  expect(model.eval().forward(images).shape).toEqual([2, 3]);
});
