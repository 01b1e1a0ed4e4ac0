/** Module: finding parts, state by PyTorch's names, modes, printing, observing. */
import { describe, expect, expectTypeOf, it } from "vitest";
import { add, mul, relu } from "../../src/autograd/elementwise.ts";
import { noGrad } from "../../src/autograd/graph.ts";
import {
  type AnyModule,
  BatchNorm2d,
  buffer,
  Conv2d,
  copyState,
  Dropout,
  Flatten,
  fuse,
  Linear,
  Module,
  observe,
  parameter,
  ReLU,
  Sequential,
  type StateDict,
  useConvAlgorithm,
} from "../../src/nn/index.ts";
import type { SavedTensor } from "../../src/tensor/clone.ts";
import { ones, zeros } from "../../src/tensor/create.ts";
import { UsageError, ValueError } from "../../src/tensor/errors.ts";
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

  it("takes a state without batch norm's counters, as PyTorch before 0.4.1 saved them: the module keeps its own", () => {
    const model = new Sequential(new Conv2d(3, 2, 3, { rng }), new BatchNorm2d(2));
    model.forward(ones([4, 3, 5, 5]));
    const { "1.num_batches_tracked": counter, ...old } = copyState(model);
    expect(counter.item()).toBe(1);
    expect(model.loadStateDict(old)).toEqual({ missing: [], unexpected: [] });
    expect(model.stateDict()["1.num_batches_tracked"].item()).toBe(1);
    const norm = new BatchNorm2d(2);
    norm.loadStateDict({ weight: ones([2]), bias: ones([2]), running_mean: ones([2]), running_var: ones([2]) });
    expect(norm.runningMean!.toArray()).toEqual([1, 1]);
    // Without the statistics the norm itself is missing, with all it has.
    const { "1.running_mean": _mean, ...less } = old;
    expect(() => model.loadStateDict(less)).toThrow("missing (2): 1.running_mean, 1.num_batches_tracked");
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

describe("loadStateDict reads everything before it writes anything", () => {
  const valuesOf = (model: Module): unknown[] => Object.values(model.stateDict()).map((t) => t.toArray());

  it("a tensor of a step that is over is named, and nothing is changed", () => {
    const model = new Linear(3, 2, { rng });
    const before = valuesOf(model);
    let gone = zeros([2]);
    noGrad(() => {
      gone = mul(ones([2]), 2);
    });
    expect(() => model.loadStateDict({ weight: zeros([2, 3]), bias: gone })).toThrow(
      /unreadable \(1\): bias: .*gone with the step/,
    );
    expect(valuesOf(model)).toEqual(before);
  });

  it("the state may hold tensors of the model itself", () => {
    const model = new Sequential(new Linear(2, 2, { rng }), new Linear(2, 2, { rng }));
    const [a, b] = model.layers.map((layer) => (layer as Linear).weight);
    const [va, vb] = [a.toArray(), b.toArray()];
    model.loadStateDict({ "0.weight": b, "1.weight": a }, { strict: false });
    expect([a.toArray(), b.toArray()]).toEqual([vb, va]);
  });

  it("refuses the model's own state, which is no copy of an earlier one", () => {
    const model = new Linear(2, 2, { rng });
    const best = model.stateDict();
    model.weight.assign([1, 2, 3, 4]);
    expect(() => model.loadStateDict(best)).toThrow(
      "loadStateDict: these are the Linear's own tensors, which have changed with it: to go back, make a copy beforehand with copyState(model)",
    );
    expect(() => model.loadStateDict({ ...best, bias: best.bias.clone() })).not.toThrow();
    expect(() => model.loadStateDict({}, { strict: false })).not.toThrow();
  });

  it("takes what structuredClone and JSON make of tensors", () => {
    const model = new Linear(2, 2, { rng });
    const weight = { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
    const bias = JSON.parse('{ "shape": [2], "data": [0.5, "-Infinity"] }') as SavedTensor;
    expect(model.loadStateDict({ weight: structuredClone(weight), bias })).toEqual({ missing: [], unexpected: [] });
    expect(model.weight.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(model.bias!.toArray()).toEqual([0.5, Number.NEGATIVE_INFINITY]);
    model.loadStateDict({ weight, bias: { shape: [2], data: ["NaN", "-0"] } });
    expect(model.bias!.toArray()).toEqual([Number.NaN, -0]);
    model.loadStateDict({ weight, bias: { shape: [2], data: [7, "Infinity"] } });
    expect(model.bias!.toArray()).toEqual([7, Number.POSITIVE_INFINITY]);
  });

  it.each([
    [undefined, " must be a tensor or { shape, data }, got undefined"],
    [[1, 2], " must be a tensor or { shape, data }, got an array of 2"],
    [{ shape: [2] }, " must be a tensor or { shape, data }, got an object { shape }"],
    [{ shape: [2], data: { 0: 1, 1: 2 } }, ": its data must be an array or a Float32Array, got an object { 0, 1 }"],
    [{ shape: [2], data: [1] }, ": its data has 1 values, its shape [2] 2"],
    [
      { shape: [2], data: [1, null] },
      ': its data[1] must be a number, "NaN", "Infinity", "-Infinity" or "-0", got null',
    ],
    [{ shape: [2], data: ["1", 2] }, ': its data[0] must be a number, "NaN", "Infinity", "-Infinity" or "-0", got "1"'],
    [{ shape: [2], data: new BigInt64Array(2) }, ": its data must be an array or a Float32Array"],
  ])("an entry that is neither is named: %#", (bias, message) => {
    const model = new Linear(2, 2, { rng });
    const before = valuesOf(model);
    const load = (): unknown => model.loadStateDict({ weight: zeros([2, 2]), bias: bias as SavedTensor });
    expect(load).toThrow(`unreadable (1): bias${message}`);
    expect(load).toThrow(ValueError);
    expect(valuesOf(model)).toEqual(before);
  });

  it("a state that is none, and an option that does not exist", () => {
    const model = new Linear(2, 2, { rng });
    const load =
      (...args: unknown[]) =>
      (): unknown =>
        model.loadStateDict(...(args as [StateDict]));
    expect(load(undefined)).toThrow("loadStateDict: needs an object of tensors by name, got undefined");
    expect(load(new Map())).toThrow("got a Map: Object.fromEntries(map) makes one");
    expect(load(Promise.resolve({}))).toThrow("got a Promise: await it first");
    expect(load(new Uint8Array(3))).toThrow("got a Uint8Array: loadWeights makes one of the bytes of a file");
    expect(load(model)).toThrow("got a Linear: pass its stateDict()");
    expect(load({ name: "x.pth", stateDict: () => ({}) })).toThrow(": pass its stateDict()");
    expect(load({}, { strict: "false" })).toThrow('loadStateDict: strict must be true or false, got "false"');
    expect(load({}, { strickt: false })).toThrow('there is no option "strickt": did you mean "strict"?');
  });
});

describe("modules of other inputs and outputs", () => {
  class Two extends Module<{ a: Tensor; b: Tensor }, [Tensor, Tensor]> {
    readonly left: Linear = new Linear(3, 3, { rng });
    readonly right: Sequential = new Sequential(new Conv2d(1, 2, 1, { rng }), new BatchNorm2d(2));

    forward({ a, b }: { a: Tensor; b: Tensor }): [Tensor, Tensor] {
      return [this.left.forward(a), this.right.forward(b)];
    }
  }

  const input = { a: ones([1, 3]), b: ones([2, 1, 2, 2]) };

  it("are parts like any other, and their outputs have their types", () => {
    class Outer extends Module<Tensor, Tensor> {
      readonly two: Two = new Two();

      forward(x: Tensor): Tensor {
        const [y] = this.two.forward({ ...input, a: x });
        return y;
      }
    }
    expect(new Outer().parameterCount()).toBe(new Two().parameterCount());
    expectTypeOf(new Two().forward).returns.toEqualTypeOf<[Tensor, Tensor]>();
    expectTypeOf(new Two()).toExtend<AnyModule>();
    expectTypeOf(new Linear(1, 1, { rng })).toExtend<Module>();
    expectTypeOf(new Two()).not.toExtend<Module>();
  });

  it("observe shows the calls from one tensor to one tensor, and passes the others on", () => {
    const model = new Two();
    const seen: string[] = [];
    const y = observe(
      model,
      (path) => seen.push(path),
      () => model.forward(input),
    );
    expect(seen).toEqual(["left", "right.0", "right.1", "right"]);
    expect(y.map(({ shape }) => shape)).toEqual([
      [1, 3],
      [2, 2, 2, 2],
    ]);
  });

  it("observe passes every argument on", () => {
    class Masked extends Module {
      forward(x: Tensor, mask?: Tensor): Tensor {
        return mask ? mul(x, mask) : x;
      }
    }
    const model = new Masked();
    const masked = observe(
      model,
      () => {},
      () => model.forward(ones([2]), zeros([2])),
    );
    expect(masked.toArray()).toEqual([0, 0]);
  });

  it("fuse folds and compares all their outputs", () => {
    const model = new Two();
    expect(fuse(model, input)).toBe(1);
    class Wrong extends Two {
      override forward({ a, b }: { a: Tensor; b: Tensor }): [Tensor, Tensor] {
        return [this.left.forward(a), this.right.layers[0].forward(b)];
      }
    }
    const wrong = new Wrong();
    (wrong.right.layers[1] as BatchNorm2d).runningVar!.assign([4, 4]);
    expect(() => fuse(wrong, input)).toThrow("fuse: Wrong gives other outputs with its batch norms folded");
  });
});

describe("what is no module of this library", () => {
  it("is refused where a module belongs, with what it is", () => {
    expect(() => new Sequential(new ReLU(), ReLU as unknown as Module)).toThrow(
      "Sequential, argument 2: needs a module, got the class ReLU: make one, new ReLU(…)",
    );
    expect(() => new Sequential([new ReLU()] as unknown as Module)).toThrow(
      "Sequential (takes modules one by one: new Sequential(...list)), argument 1: needs a module",
    );
    expect(() =>
      observe(
        ones([1]) as unknown as Module,
        () => {},
        () => 1,
      ),
    ).toThrow("observe: needs a module (a network, or a part of one), got a Tensor");
    expect(() => useConvAlgorithm(undefined as unknown as Module, "direct")).toThrow(UsageError);
    expect(() => fuse({ forward: () => 1 } as unknown as Module)).toThrow("fuse: needs a module");
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

  it("a module that nothing can be put on is refused", () => {
    const model = new Sequential(Object.freeze(new Linear(3, 3, { rng })));
    expect(() =>
      observe(
        model,
        () => {},
        () => model.forward(x),
      ),
    ).toThrow("Linear: it cannot be observed, because Object.freeze or the like was called on it");
    expect(Object.keys(model)).toEqual(["layers"]);
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
