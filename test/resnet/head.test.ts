/** Another head: every network's classifier may be replaced, and is then a part like any other. */
import { describe, expect, it } from "vitest";
import { flatten } from "../../src/autograd/shape.ts";
import { copyState, Linear, Module, ReLU, Sequential } from "../../src/nn/index.ts";
import {
  cifarResNet,
  createModel,
  highwayConvNet,
  highwayNet,
  replaceHead,
  resnet18,
  vgg,
} from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

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

describe("replaceHead", () => {
  const networks: Readonly<Record<string, () => Module>> = {
    cifarResNet: () => cifarResNet(8, { width: 4, rng }),
    resnet18: () => createModel("resnet18", { rng }),
    highwayConvNet: () => highwayConvNet(19, { width: 4, rng }),
    highwayNet: () => highwayNet(10, { inFeatures: 3 * 32 * 32, units: 8, rng }),
    vgg: () => vgg(11, { hidden: [16], rng }),
    "a network of one's own": () => new Own(),
  };

  class Own extends Module {
    readonly body = new Linear(3 * 32 * 32, 4, { rng });
    head = new Linear(4, 10, { bias: false, rng });
    override forward(x: Tensor): Tensor {
      return this.head.forward(this.body.forward(flatten(x, 1)));
    }
  }

  it.each(Object.entries(networks))("%s: other classes, the other weights as they were", (_, make) => {
    const model = make();
    model.eval();
    const before = copyState(model);
    const names = Object.keys(before);
    const head = replaceHead(model, 3, { rng: new Rng(1) });
    expect(model.forward(images).shape).toEqual([2, 3]);
    expect(head.training).toBe(false);
    const after = model.stateDict();
    expect(Object.keys(after)).toEqual(names);
    const changed = names.filter((name) => after[name].toString() !== before[name].toString());
    const own = new Set([head.weight, head.bias]);
    expect(changed.every((name) => own.has(after[name]))).toBe(true);
    expect(changed.length).toBeGreaterThan(0);
  });

  it("refuses a network without a head that it knows, and what is no number of classes", () => {
    expect(() => replaceHead(new Sequential(new ReLU()), 3, { rng })).toThrow(
      /replaceHead: Sequential has no linear layer called fc, output, classifier or head/,
    );
    expect(() => replaceHead(cifarResNet(8, { width: 4, rng }), 0, { rng })).toThrow(/classes must be/);
    expect(() => replaceHead(cifarResNet(8, { width: 4, rng }), 2, {} as never)).toThrow(/rng must be/);
  });

  it("createModel gives the network's own type", () => {
    const model = createModel("resnet20", { width: 4, rng });
    model.fc = new Linear(model.fc.inFeatures, 2, { rng });
    expect(model.forward(images).shape).toEqual([2, 2]);
    expect(createModel("vgg11", { hidden: [16], rng }).classifier).toBeInstanceOf(Sequential);
  });
});
