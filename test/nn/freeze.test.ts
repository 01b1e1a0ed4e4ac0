/** Freezing a part of a model: parameters and statistics stay, whatever is trained around them. */
import { describe, expect, it } from "vitest";
import { backward, valueAndGrad } from "../../src/autograd/backward.ts";
import { mean } from "../../src/autograd/reduce.ts";
import { switchMode } from "../../src/nn/evaluation.ts";
import {
  BatchNorm2d,
  buffer,
  Conv2d,
  Dropout,
  fit,
  freeze,
  freezeStatistics,
  GlobalAvgPool2d,
  Linear,
  Module,
  Sequential,
  SGD,
  unfreeze,
} from "../../src/nn/index.ts";
import { cifarResNet } from "../../src/resnet/index.ts";
import { randn, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const x = randn([4, 3, 6, 6], new Rng(1));

class Net extends Module {
  readonly body: Sequential;
  readonly fc: Linear;

  constructor() {
    super();
    const rng = new Rng(0);
    this.body = new Sequential(
      new Conv2d(3, 4, 3, { rng }),
      new BatchNorm2d(4),
      new Dropout(0.5, { rng }),
      new GlobalAvgPool2d(),
    );
    this.fc = new Linear(4, 2, { rng });
  }

  forward(x: Tensor): Tensor {
    return this.fc.forward(this.body.forward(x));
  }
}

/** One step of training, as a program writes it. */
function step(model: Net): void {
  model.train();
  const optimizer = new SGD(model.parameters(), { lr: 0.1, weightDecay: 0.1 });
  optimizer.step(valueAndGrad(() => mean(model.forward(x))).grads);
}

const valuesOf = (module: Module): number[][] => Object.values(module.stateDict()).map((t) => [...t.data]);

describe("freeze", () => {
  it("stops parameters and running statistics, whatever train() is called around it; the rest is trained", () => {
    const model = new Net();
    freeze(model.body);
    const [body, fc] = [valuesOf(model.body), valuesOf(model.fc)];
    step(model);
    expect(valuesOf(model.body)).toEqual(body);
    expect(valuesOf(model.fc)).not.toEqual(fc);
    expect(model.namedModules().map(([path, { training, frozen }]) => [path, training, frozen])).toEqual([
      ["", true, false],
      ["body", false, true],
      ["body.0", false, true],
      ["body.1", false, true],
      ["body.2", false, true],
      ["body.3", false, true],
      ["fc", true, false],
    ]);
    // Nothing is dropped, so that the same x gives the same y.
    expect(model.body.forward(x).data).toEqual(model.body.forward(x).data);
  });

  it("its parameters stay parameters: counted and saved; gradients pass through", () => {
    const model = new Net();
    const before = [model.parameterCount(), Object.keys(model.stateDict())];
    freeze(model.body);
    expect([model.parameterCount(), Object.keys(model.stateDict())]).toEqual(before);
    const leaf = randn([4, 3, 6, 6], new Rng(2), { requiresGrad: true });
    const grads = backward(mean(model.forward(leaf)));
    expect(grads.has(leaf)).toBe(true);
    expect(model.namedParameters().flatMap(([name, t]) => (grads.has(t) ? [name] : []))).toEqual([
      "fc.weight",
      "fc.bias",
    ]);
  });

  it("a part of what is frozen may be unfrozen, and a new one is not frozen", () => {
    const model = freeze(new Net());
    unfreeze(model.fc);
    Object.assign(model, { head: new Linear(2, 2, { rng: new Rng(0) }) });
    model.train();
    expect(model.namedModules().flatMap(([path, { training }]) => (training ? [path] : []))).toEqual(["fc", "head"]);
    expect(model.namedParameters().flatMap(([name, t]) => (t.requiresGrad ? [name] : []))).toEqual([
      "fc.weight",
      "fc.bias",
      "head.weight",
      "head.bias",
    ]);
  });
});

describe("freezeStatistics", () => {
  const running = (model: Net): number[][] => model.namedBuffers().map(([, t]) => [...t.data]);

  it("holds the statistics, whatever train() is called around them, and trains scales and shifts", () => {
    const model = freezeStatistics(new Net());
    const [statistics, scale] = [running(model), model.body.layers[1].stateDict()["weight"].toString()];
    step(model);
    expect(running(model)).toEqual(statistics);
    expect(model.body.layers[1].stateDict()["weight"].toString()).not.toBe(scale);
    expect(model.namedModules().flatMap(([path, { training }]) => (training ? [] : [path]))).toEqual(["body.1"]);
    expect(model.parameters().every((t) => t.requiresGrad)).toBe(true);
  });

  it("also in fit, of a model that was in evaluation: eval() of the batch norms alone would be undone there", async () => {
    const moved = async (model: Net): Promise<boolean> => {
      const before = running(model);
      const optimizer = new SGD(model.parameters(), { lr: 0.1 });
      await fit(model.eval(), { data: () => [{ x, labels: [0, 1, 0, 1] }], optimizer, epochs: 1 });
      return `${running(model)}` !== `${before}`;
    };
    expect(await moved(freezeStatistics(new Net()))).toBe(false);
    expect(await moved(new Net())).toBe(true);
  });

  it("acts on named parts alone, and unfreeze undoes it", () => {
    const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
    const resting = (): string[] => model.namedModules().flatMap(([path, { training }]) => (training ? [] : [path]));
    freezeStatistics(model, ["bn1", "layer1"]);
    expect(resting()).toEqual(["bn1", "layer1.0.bn1", "layer1.0.bn2"]);
    expect(unfreeze(model) && resting()).toEqual([]);
    expect(() => freezeStatistics(model, ["bn2"])).toThrow('freezeStatistics: no part is called "bn2"');
  });

  it("acts on parts with buffers, of whatever class: not on norms without statistics, nor on what is below", () => {
    class Centred extends Module {
      readonly centre = buffer(zeros([3]));
      readonly drop = new Dropout(0.5, { rng: new Rng(0) });
      forward(x: Tensor): Tensor {
        return this.drop.forward(x);
      }
    }
    const model = freezeStatistics(new Sequential(new Centred(), new BatchNorm2d(3, { trackRunningStats: false })));
    expect(model.namedModules().flatMap(([path, { training }]) => (training ? [] : [path]))).toEqual(["0"]);
  });
});

describe("unfreeze", () => {
  it("gives back training, and the mode that was last asked for", () => {
    const model = freeze(new Net());
    expect(
      unfreeze(model)
        .namedModules()
        .every(([, { training }]) => training),
    ).toBe(true);
    freeze(model).eval();
    expect(
      unfreeze(model)
        .namedModules()
        .some(([, { training }]) => training),
    ).toBe(false);
    expect(model.parameters().every((t) => t.requiresGrad)).toBe(true);
    expect(model.frozen).toBe(false);
  });

  it("also where an evaluation came between", () => {
    const model = new Net();
    freeze(model.body);
    switchMode(model, false)();
    unfreeze(model.body);
    expect(model.namedModules().every(([, { training }]) => training)).toBe(true);
    const statistics = valuesOf(model.body);
    step(model);
    expect(valuesOf(model.body)).not.toEqual(statistics);
  });
});

it("a part put into evaluation by hand stays there until train() is called on it or around it", () => {
  const model = new Net();
  model.body.layers[1].eval();
  expect([model.training, model.body.layers[1].training, model.body.layers[1].frozen]).toEqual([true, false, false]);
  model.train();
  expect(model.body.layers[1].training).toBe(true);
});

it("refuses what is no module", () => {
  expect(() => freeze(x as unknown as Module)).toThrow(
    "freeze: needs a module (a network, or a part of one), got a Tensor",
  );
  expect(() => unfreeze(Net as unknown as Module)).toThrow(
    "unfreeze: needs a module, got the class Net: make one, new Net(…)",
  );
});

it("freezes and unfreezes parts by their paths", () => {
  const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
  const trained = (): string[] =>
    model
      .namedParameters()
      .filter(([, t]) => t.requiresGrad)
      .map(([name]) => name.split(".")[0]);
  freeze(model, ["conv1", "bn1", "layer1"]);
  expect([...new Set(trained())]).toEqual(["layer2", "layer3", "fc"]);
  model.train();
  expect([model.bn1!.training, model.layer1.training, model.layer2.training]).toEqual([false, false, true]);
  unfreeze(model, ["layer1"]);
  expect([...new Set(trained())]).toEqual(["layer1", "layer2", "layer3", "fc"]);
  expect(() => freeze(model, ["fc", "layer9"])).toThrow(
    'freeze: no part is called "layer9"; the parts are conv1, bn1, layer1, layer2, layer3, fc, and those below',
  );
  expect(model.fc.weight.requiresGrad).toBe(true);
});
