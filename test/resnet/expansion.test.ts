/** Compress, then expand: an expansion changes no output, bit for bit; which blocks when; with fit and optimisers; resuming. */
import { describe, expect, it } from "vitest";
import { valueAndGrad } from "../../src/autograd/backward.ts";
import { crossEntropy } from "../../src/autograd/losses.ts";
import { Adam, fit, init, type Module, type Optimizer, SGD } from "../../src/nn/index.ts";
import {
  type CifarResNetOptions,
  cifarResNet,
  Expansion,
  type ExpansionOptions,
  highwayNet,
  ImageNetResNet,
  isResidualBlock,
  type ResNet,
} from "../../src/resnet/index.ts";
import { randn } from "../../src/tensor/create.ts";
import { Rng } from "../../src/tensor/rng.ts";

const images = randn([4, 3, 8, 8], new Rng(1));
const labels = Int32Array.of(3, 1, 4, 1);

/** Seven of its nine blocks have an identity shortcut: layer1.0, 1.1, 1.2, 2.1, 2.2, 3.1, 3.2. */
const build = (options: Partial<CifarResNetOptions> = {}): ResNet =>
  cifarResNet(20, { width: 4, rng: new Rng(0), ...options });

const collapsed = (model: Module): string[] =>
  model.namedModules().flatMap(([path, module]) => (isResidualBlock(module) && module.collapsed ? [path] : []));

/** Random numbers in every parameter, as after a training: nothing is zero by chance. */
function shake(model: Module): void {
  const rng = new Rng(7);
  for (const t of model.parameters()) init.normal(t, rng, { std: 0.3, mean: 0.1 });
}

describe("an example to read", () => {
  it("each stage puts a new block between every two", () => {
    const model = build();
    const expansion = new Expansion(model, { at: [100, 200] });
    expect(collapsed(model)).toEqual(["layer1.1", "layer1.2", "layer2.1", "layer3.1", "layer3.2"]);
    expect(expansion.before(99)).toEqual([]);
    expect(expansion.before(100)).toEqual(["layer1.2", "layer3.2"]);
    expect(expansion.before(101)).toEqual([]);
    expect(expansion.collapsed).toEqual(["layer1.1", "layer2.1", "layer3.1"]);
    expect(expansion.before(200)).toEqual(["layer1.1", "layer2.1", "layer3.1"]);
    expect(collapsed(model)).toEqual([]);
  });

  it("steps that were left out are made up for", () => {
    const model = build();
    const expansion = new Expansion(model, { at: [1, 2] });
    expect(expansion.before(1000)).toHaveLength(5);
    expect(collapsed(model)).toEqual([]);
  });
});

describe("which blocks come first", () => {
  const stages = (order: NonNullable<ExpansionOptions["order"]>, at: readonly number[]): string[][] => {
    const model = build();
    const expansion = new Expansion(model, { at, order });
    const all = model
      .blocks()
      .filter(([, { shortcut }]) => shortcut === "identity")
      .map(([path]) => path);
    const start = all.filter((path) => !expansion.collapsed.includes(path));
    return [start, ...at.map((step) => expansion.before(step))].map((paths) => paths.map((path) => path.slice(5)));
  };

  it.each([
    [
      "everyOther",
      [1],
      [
        ["1.0", "1.2", "2.2", "3.2"],
        ["1.1", "2.1", "3.1"],
      ],
    ],
    ["everyOther", [1, 2, 3], [["1.0"], ["2.2"], ["1.2", "3.2"], ["1.1", "2.1", "3.1"]]],
    [
      "front",
      [1, 2],
      [
        ["1.0", "1.1", "1.2"],
        ["2.1", "2.2"],
        ["3.1", "3.2"],
      ],
    ],
    [
      "back",
      [1, 2],
      [
        ["2.2", "3.1", "3.2"],
        ["1.2", "2.1"],
        ["1.0", "1.1"],
      ],
    ],
    [
      (block: number, blocks: number) => (block === blocks - 1 ? 0 : 1),
      [5],
      [["3.2"], ["1.0", "1.1", "1.2", "2.1", "2.2", "3.1"]],
    ],
  ] as const)("%s at %j", (order, at, expected) => {
    expect(stages(order, at)).toEqual(expected);
  });

  it("blocks that change the shape are never collapsed", () => {
    const model = build();
    new Expansion(model, { at: [1], order: () => 1 });
    expect(collapsed(model)).toHaveLength(7);
    expect(collapsed(model)).not.toContain("layer2.0");
  });
});

describe("an expansion changes no output, bit for bit", () => {
  const networks: [string, () => Module][] = [
    ["original order", () => build()],
    ["pre-activation", () => build({ order: "pre" })],
    ["pre-activation with projections", () => build({ order: "pre", shortcut: "project" })],
    ["batch norm after the addition", () => build({ order: "bnAfterAddition" })],
    ["ReLU-only pre-activation", () => build({ order: "reluOnlyPre" })],
    ["no batch norm", () => build({ batchNorm: false })],
    ["SkipInit", () => build({ start: "skipInit" })],
    ["Fixup", () => build({ start: "fixup" })],
    ["stochastic depth", () => build({ stochasticDepth: 0.5 })],
    ["CIFAR bottlenecks", () => cifarResNet(29, { width: 4, block: "bottleneck", order: "pre", rng: new Rng(0) })],
    [
      "ImageNet bottlenecks",
      () => new ImageNetResNet({ block: "bottleneck", stages: [3, 2, 1, 1] }, { classes: 10, rng: new Rng(0) }),
    ],
  ];

  it.each(networks)("%s: a trained network, in training and in evaluation mode", (_, make) => {
    const [before, after] = [make(), make()].map((model) => {
      shake(model);
      return { model, expansion: new Expansion(model, { at: [5, 9] }) };
    });
    expect(before.expansion.collapsed.length).toBeGreaterThan(1);
    for (const step of [5, 9]) {
      expect(after.expansion.before(step).length).toBeGreaterThan(0);
      for (const training of [true, false]) {
        const [y, expanded] = [before, after].map(({ model }) => {
          model.train(training);
          const logits = model.forward(images);
          return { bits: new Uint8Array(logits.data.slice().buffer), loss: crossEntropy(logits, labels).item() };
        });
        expect(expanded.bits).toEqual(y.bits);
        expect(expanded.loss).toBe(y.loss);
        expect(Number.isFinite(y.loss)).toBe(true);
      }
    }
  });

  it("also where the weights of a collapsed block are loaded later", () => {
    const model = build();
    const expansion = new Expansion(model, { at: [1] });
    shake(model);
    model.eval();
    const before = model.forward(images).data;
    expansion.before(1);
    expect(model.forward(images).data).toEqual(before);
  });

  it("and the new block learns: its last scale at once, the layers before it one step later", () => {
    const model = build();
    const expansion = new Expansion(model, { at: [1] });
    const optimizer = new SGD(model.parameters(), { lr: 0.1 });
    const size = (name: string): number => {
      const { grads } = valueAndGrad(() => crossEntropy(model.forward(images), labels));
      const gradient = grads.get(model.stateDict()[name]).data;
      optimizer.step(grads);
      return Math.max(...gradient.map(Math.abs));
    };
    expansion.before(1);
    expect(size("layer1.1.bn2.weight")).toBeGreaterThan(0);
    expect(size("layer1.1.conv1.weight")).toBeGreaterThan(0);
    // In the first of the two steps it was zero: the branch ended in a zero.
    const fresh = build();
    new Expansion(fresh, { at: [1] }).before(1);
    const { grads } = valueAndGrad(() => crossEntropy(fresh.forward(images), labels));
    expect(grads.get(fresh.stateDict()["layer1.1.conv1.weight"]).data.every((v) => v === 0)).toBe(true);
  });
});

describe("in a training", () => {
  const optimizers: [string, (model: Module) => Optimizer][] = [
    ["SGD with momentum and decay", (m) => new SGD(m.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 })],
    ["Adam", (m) => new Adam(m.parameters(), { lr: 1e-3 })],
  ];

  it.each(optimizers)("%s: collapsed blocks stay as they are, expanded ones move", async (_, optimizerOf) => {
    const model = build();
    const expansion = new Expansion(model, { at: [3, 6] });
    const state = model.stateDict();
    const watched = ["layer1.1.conv1.weight", "layer1.1.bn2.weight", "layer1.2.bn2.weight", "layer1.0.bn2.weight"];
    const versions = watched.map((name) => state[name].version);
    const moves: string[] = [];
    await fit(model, {
      data: () => [{ x: images, labels }],
      optimizer: optimizerOf(model),
      steps: 8,
      onStep: ({ step }) => {
        moves.push(watched.map((name, i) => (state[name].version > versions[i] ? "moved" : "still")).join(" "));
        expansion.before(step + 1);
        for (const [i, name] of watched.entries()) versions[i] = state[name].version;
      },
    });
    expect(moves).toEqual([
      ...Array<string>(3).fill("still still still moved"),
      ...Array<string>(3).fill("still still moved moved"),
      ...Array<string>(2).fill("moved moved moved moved"),
    ]);
    expect(expansion.collapsed).toEqual([]);
  });
  it("the loss of a step is what it would have been without the expansion before it", async () => {
    const losses = async (at: number): Promise<number[]> => {
      const model = build();
      const expansion = new Expansion(model, { at: [at] });
      const { steps } = await fit(model, {
        data: () => [{ x: images, labels }],
        optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
        steps: 6,
        onStep: ({ step }) => void expansion.before(step + 1),
      });
      return steps.map(({ loss }) => loss);
    };
    const [expanded, never] = [await losses(3), await losses(100)];
    expect(expanded.slice(0, 4)).toEqual(never.slice(0, 4));
    expect(expanded.slice(4)).not.toEqual(never.slice(4));
  });
});

describe("taking a training up again", () => {
  it("blocks of earlier stages are there, as they are; the others are still collapsed", () => {
    const model = build();
    const state = model.stateDict();
    init.constant(state["layer1.2.bn2.weight"], 0.7);
    const expansion = new Expansion(model, { at: [100, 200], resumeAt: 150 });
    expect(expansion.collapsed).toEqual(["layer1.1", "layer2.1", "layer3.1"]);
    expect(expansion.before(150)).toEqual([]);
    expect(state["layer1.2.bn2.weight"].data[0]).toBe(Math.fround(0.7));
    expect(expansion.before(200)).toHaveLength(3);
  });
});

describe("errors leave the model as it was", () => {
  const wrong: [() => Module, object, string][] = [
    [() => build(), { at: [0] }, "Expansion: at[0] must be a whole number of 1 or more, got 0"],
    [() => build(), { at: [5, 5] }, "Expansion: at must rise, got [5,5]"],
    [() => build(), { at: [5], resumeAt: -1 }, "Expansion: resumeAt must be a whole number of 1 or more, got -1"],
    [
      () => build(),
      { at: [5], order: "middle" },
      'Expansion: order must be one of "everyOther", "front", "back", got "middle"',
    ],
    [() => build(), { at: [5], order: () => 2 }, "Expansion: order must give stages from 0 to 1, gave 2 for block 0"],
    [
      () => build(),
      { at: [1, 2], order: () => 2 },
      "Expansion: no block is left to expand at step 1: give fewer stages",
    ],
    [() => build(), { at: [1, 2, 3, 4] }, "Expansion: no block is left to expand at step 1"],
    [() => build({ shortcut: "none" }), { at: [5] }, "Expansion: ResNet has no block that can collapse"],
    [() => build({ order: "reluBeforeAddition" }), { at: [5] }, "BasicBlock: zeroInitLast cannot be had in order"],
    [() => highwayNet(10, { rng: new Rng(0) }), { at: [5] }, "Expansion: HighwayNet has no block that can collapse"],
  ];

  it.each(wrong)("%#", (make, options, message) => {
    const model = make();
    const versions = (): number[] => model.parameters().map((t) => t.version);
    const before = versions();
    expect(() => new Expansion(model, options as ExpansionOptions)).toThrow(message);
    expect(collapsed(model)).toEqual([]);
    expect(versions()).toEqual(before);
  });
});
