/** Module: finding parts, state by PyTorch's names, modes, printing, observing. */
import { describe, expect, it } from "vitest";
import { add, relu } from "../../src/autograd/elementwise.ts";
import {
  BatchNorm2d,
  buffer,
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  Module,
  observe,
  parameter,
  ReLU,
  Sequential,
} from "../../src/nn/index.ts";
import { ones, zeros } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const rng = new Rng(0);

/** A part of every kind: own parameter, buffer, child, list of children, null, and things that are not state. */
class Everything extends Module {
  readonly outScale: Tensor = parameter(ones([3]));
  readonly runningMax: Tensor = buffer(zeros([3]));
  readonly firstLayer: Linear = new Linear(3, 3, { rng });
  readonly towers: Module[] = [new Linear(3, 3, { bias: false, rng }), new ReLU()];
  readonly absent: Linear | null = null;
  readonly label: string = "not state";

  forward(x: Tensor): Tensor {
    return add(this.towers[0].forward(this.firstLayer.forward(x)), this.outScale);
  }
}

/** The same child under two names. */
class Shared extends Module {
  readonly encoder: Linear;
  readonly decoder: Linear;

  constructor() {
    super();
    this.encoder = new Linear(2, 2, { rng });
    this.decoder = this.encoder;
  }

  forward(x: Tensor): Tensor {
    return this.decoder.forward(relu(this.encoder.forward(x)));
  }
}

describe("state", () => {
  it("has PyTorch's names, own tensors first, lists by position, nulls left out", () => {
    expect(Object.keys(new Everything().stateDict())).toEqual([
      "out_scale",
      "running_max",
      "first_layer.weight",
      "first_layer.bias",
      "towers.0.weight",
    ]);
  });

  it("Sequential's parts are named 0, 1, …", () => {
    const model = new Sequential(new Conv2d(1, 2, 3, { rng }), new BatchNorm2d(2), new Flatten());
    expect(Object.keys(model.stateDict())).toEqual([
      "0.weight",
      "0.bias",
      "1.weight",
      "1.bias",
      "1.running_mean",
      "1.running_var",
      "1.num_batches_tracked",
    ]);
  });

  it("tells parameters from buffers, and counts", () => {
    const model = new Everything();
    expect(model.namedBuffers().map(([name]) => name)).toEqual(["running_max"]);
    expect(model.namedParameters().map(([name]) => name)).not.toContain("running_max");
    expect(model.parameterCount()).toBe(3 + 9 + 3 + 9);
    expect(model.parameters().every((t) => t.requiresGrad)).toBe(true);
    expect(model.namedBuffers().some(([, t]) => t.requiresGrad)).toBe(false);
  });

  it("counts a frozen parameter among the parameters", () => {
    const model = new Linear(2, 1, { rng });
    model.weight.requiresGrad = false;
    expect(model.parameterCount()).toBe(3);
  });

  it("lists a shared parameter once, but saves it under both names", () => {
    const model = new Shared();
    expect(model.parameterCount()).toBe(6);
    expect(Object.keys(model.stateDict())).toEqual([
      "encoder.weight",
      "encoder.bias",
      "decoder.weight",
      "decoder.bias",
    ]);
  });
});

describe("loadStateDict", () => {
  it("copies values by name", () => {
    const [from, to] = [new Linear(3, 2, { rng }), new Linear(3, 2, { rng })];
    expect(to.weight.toArray()).not.toEqual(from.weight.toArray());
    expect(to.loadStateDict(from.stateDict())).toEqual({ missing: [], unexpected: [] });
    expect(to.weight.toArray()).toEqual(from.weight.toArray());
    from.weight.data[0] = 99;
    expect(to.weight.data[0]).not.toBe(99);
  });

  it("refuses missing, unexpected and mis-shaped names all at once, and changes nothing", () => {
    const model = new Linear(3, 2, { rng });
    const before = model.weight.toArray();
    expect(() => model.loadStateDict({ weight: zeros([2, 4]), extra: zeros([1]) })).toThrow(
      "loadStateDict: the state does not fit this Linear\n  missing (1): bias\n  unexpected (1): extra\n  wrong shape (1): weight: [2,4] does not fit [2,3]",
    );
    expect(() => model.loadStateDict({ weight: zeros([2, 3]) })).toThrow("missing (1): bias");
    expect(model.weight.toArray()).toEqual(before);
  });

  it("strict: false reports missing and unexpected names, but still refuses a wrong shape", () => {
    const model = new Linear(3, 2, { rng });
    const bias = model.bias!.toArray();
    expect(model.loadStateDict({ weight: zeros([2, 3]), extra: zeros([1]) }, { strict: false })).toEqual({
      missing: ["bias"],
      unexpected: ["extra"],
    });
    expect(model.weight.toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(model.bias!.toArray()).toEqual(bias);
    expect(() => model.loadStateDict({ weight: zeros([3, 2]) }, { strict: false })).toThrow(
      "weight: [3,2] does not fit [2,3]",
    );
  });
});

it("train and eval reach every part", () => {
  const model = new Sequential(new Sequential(new Dropout(0.5, { rng })), new BatchNorm2d(1));
  model.eval();
  expect(model.namedModules().map(([, module]) => module.training)).toEqual([false, false, false, false]);
  expect(
    model
      .train()
      .namedModules()
      .every(([, module]) => module.training),
  ).toBe(true);
});

it("toString is the tree with options, shapes and counts", () => {
  const model = new Sequential(
    new Conv2d(3, 8, 3, { stride: 2, padding: 1, bias: false, rng }),
    new BatchNorm2d(8),
    new Sequential(new ReLU(), new Dropout(0.25, { rng })),
    new Flatten(),
    new Linear(8000, 10, { rng }),
  );
  expect(model.toString()).toBe(
    `Sequential()  80,242 parameters
  (0) Conv2d(3 → 8, 3×3, stride 2, padding 1, weight [8,3,3,3])  216 parameters
  (1) BatchNorm2d(8, weight [8], bias [8])  16 parameters
  (2) Sequential()
    (0) ReLU()
    (1) Dropout(0.25)
  (3) Flatten()
  (4) Linear(8000 → 10, weight [10,8000], bias [10])  80,010 parameters`,
  );
});

describe("observe", () => {
  const x = ones([1, 3]);

  it("shows every call with its path, parts before the whole, and then stops", () => {
    const model = new Sequential(new Linear(3, 3, { rng }), new Sequential(new ReLU()));
    const seen: string[] = [];
    const look = (path: string, module: Module): unknown => seen.push(`${path}:${module.constructor.name}`);
    const y = observe(model, look, () => model.forward(x));
    expect(seen).toEqual(["0:Linear", "1.0:ReLU", "1:Sequential", ":Sequential"]);
    expect(model.forward(x).toArray()).toEqual(y.toArray());
    expect(seen).toHaveLength(4);
  });

  it("stops after an error too", () => {
    const model = new Sequential(new Linear(3, 3, { rng }));
    const seen: string[] = [];
    expect(() =>
      observe(
        model,
        (path) => seen.push(path),
        () => model.forward(ones([1, 7])),
      ),
    ).toThrow("linear");
    model.forward(x);
    expect(seen).toEqual([]);
  });

  it("may be nested: the outer observer keeps watching when the inner one is done", () => {
    const model = new Sequential(new ReLU());
    const seen: string[] = [];
    observe(
      model,
      (path) => seen.push(`outer ${path}`),
      () => {
        observe(
          model,
          (path) => seen.push(`inner ${path}`),
          () => model.forward(x),
        );
        model.forward(x);
      },
    );
    model.forward(x);
    expect(seen).toEqual(["outer 0", "inner 0", "outer ", "inner ", "outer 0", "outer "]);
  });

  it("sees a shared part's calls once each", () => {
    const model = new Shared();
    const seen: string[] = [];
    observe(
      model,
      (path) => seen.push(path),
      () => model.forward(ones([1, 2])),
    );
    expect(seen).toEqual(["encoder", "encoder", ""]);
  });
});
