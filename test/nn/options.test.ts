/** What layers and networks are made with is checked as TypeScript checks it: names, counts, numbers, the rng. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as nn from "../../src/nn/index.ts";
import * as resnet from "../../src/resnet/index.ts";
import { zeros } from "../../src/tensor/create.ts";
import { UsageError, ValueError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";

const rng = new Rng(0);

/** Everything that takes options: how its errors open, its first arguments, the names of its options, and some that fit. */
interface Maker {
  readonly make: (...args: never[]) => unknown;
  readonly first: readonly unknown[];
  readonly names: readonly string[];
  readonly fitting?: object;
}

/** A class as a function. */
const of = (Class: new (...args: never[]) => unknown): Maker["make"] =>
  ((...args: never[]) => new Class(...args)) as Maker["make"];

const block = [
  "shortcut",
  "padChannels",
  "shortcutScale",
  "branchScale",
  "gateBias",
  "dropoutRate",
  "order",
  "squeezeExcitation",
  "antialias",
  "start",
  "batchNorm",
  "rng",
  "init",
];
const highway = ["classes", "shortcut", "gateBias", "activation", "rng", "init"];
const initial = (name: keyof typeof nn.init, names: readonly string[]): [string, Maker] => [
  `init.${name}`,
  { make: nn.init[name] as Maker["make"], first: [zeros([2, 2]), rng], names, fitting: {} },
];

const makers: Readonly<Record<string, Maker>> = {
  Conv2d: {
    make: of(nn.Conv2d),
    first: [2, 4, 3],
    names: ["stride", "padding", "dilation", "groups", "bias", "rng", "init"],
  },
  Conv1d: {
    make: of(nn.Conv1d),
    first: [2, 4, 3],
    names: ["stride", "padding", "dilation", "groups", "bias", "rng", "init"],
  },
  ConvTranspose2d: {
    make: of(nn.ConvTranspose2d),
    first: [2, 4, 3],
    names: ["stride", "padding", "outputPadding", "dilation", "groups", "bias", "rng", "init"],
  },
  Upsample: {
    make: of(nn.Upsample),
    first: [],
    names: ["size", "scaleFactor", "mode", "alignCorners"],
    fitting: { scaleFactor: 2 },
  },
  Linear: { make: of(nn.Linear), first: [2, 4], names: ["bias", "rng", "init"] },
  Dropout: { make: of(nn.Dropout), first: [0.5], names: ["rng"] },
  BatchNorm1d: {
    make: of(nn.BatchNorm1d),
    first: [2],
    names: ["momentum", "eps", "affine", "trackRunningStats"],
    fitting: {},
  },
  BatchNorm2d: {
    make: of(nn.BatchNorm2d),
    first: [2],
    names: ["momentum", "eps", "affine", "trackRunningStats"],
    fitting: {},
  },
  ...Object.fromEntries(
    ([nn.InstanceNorm1d, nn.InstanceNorm2d] as const).map((Class) => [
      Class.name,
      { make: of(Class), first: [2], names: ["eps", "momentum", "affine", "trackRunningStats"], fitting: {} },
    ]),
  ),
  LayerNorm: { make: of(nn.LayerNorm), first: [2], names: ["eps", "affine"], fitting: {} },
  GroupNorm: { make: of(nn.GroupNorm), first: [2, 4], names: ["eps", "affine"], fitting: {} },
  MaxPool2d: { make: of(nn.MaxPool2d), first: [2], names: ["stride", "padding", "dilation", "ceilMode"], fitting: {} },
  AvgPool2d: {
    make: of(nn.AvgPool2d),
    first: [2],
    names: ["stride", "padding", "ceilMode", "countIncludePad"],
    fitting: {},
  },
  GELU: { make: of(nn.GELU), first: [], names: ["approximate"], fitting: {} },
  Softplus: { make: of(nn.Softplus), first: [], names: ["beta", "threshold"], fitting: {} },
  BasicBlock: {
    make: of(resnet.BasicBlock),
    first: [2, 2],
    names: [...block, "stride", "split", "blocks", "survival"],
  },
  Bottleneck: {
    make: of(resnet.Bottleneck),
    first: [4, 4],
    names: [...block, "stride", "split", "blocks", "survival", "groups", "baseWidth", "dilation", "version"],
    fitting: { rng, baseWidth: 64 },
  },
  HighwayLinear: { make: of(resnet.HighwayLinear), first: [2], names: highway.slice(1) },
  HighwayBlock: { make: of(resnet.HighwayBlock), first: [2], names: [...highway.slice(1), "kernelSize", "batchNorm"] },
  cifarResNet: {
    make: resnet.cifarResNet,
    first: [8],
    names: [...block, "width", "inChannels", "classes", "block", "zeroInitLast", "stochasticDepth", "checkpoint"],
    fitting: { rng, width: 1 },
  },
  highwayNet: {
    make: resnet.highwayNet,
    first: [2],
    names: [...highway, "inFeatures", "units"],
    fitting: { rng, inFeatures: 2, units: 2 },
  },
  highwayConvNet: {
    make: resnet.highwayConvNet,
    first: [7],
    names: [...highway, "inChannels", "width", "batchNorm"],
    fitting: { rng, width: 1 },
  },
  ImageNetResNet: {
    make: resnet.resnet18,
    first: [],
    names: [
      ...["classes", "inChannels", "shortcut", "version", "replaceStem", "zeroInitLast", "rng", "init"],
      ...["squeezeExcitation", "antialias", "replaceStrideWithDilation"],
    ],
    fitting: { rng, classes: 2, init: () => {} },
  },
  vgg: {
    make: resnet.vgg,
    first: [11],
    names: ["classes", "inChannels", "batchNorm", "gridSize", "hidden", "dropout", "rng", "init"],
    fitting: { rng, classes: 2, hidden: [], gridSize: 1, init: () => {} },
  },
  ...Object.fromEntries([
    initial("uniform", ["low", "high"]),
    initial("normal", ["mean", "std"]),
    initial("kaimingUniform", ["mode", "gain"]),
    initial("kaimingNormal", ["mode", "gain"]),
    initial("xavierUniform", ["gain"]),
    initial("xavierNormal", ["gain"]),
    initial("orthogonal", ["gain"]),
  ]),
};

const call = ({ make, first }: Maker, ...rest: unknown[]): unknown =>
  (make as (...args: unknown[]) => unknown)(...first, ...rest);

describe.each(Object.entries(makers))("%s", (who, maker) => {
  const fitting = maker.fitting ?? { rng };

  it("takes the options it has, and none that it has not", () => {
    call(maker, fitting);
    fc.assert(
      fc.property(fc.oneof(fc.string({ minLength: 1 }), typingError(fc.constantFrom(...maker.names))), (name) => {
        fc.pre(!maker.names.includes(name) && name !== "__proto__");
        const options = { ...fitting, [name]: 1 };
        expect(() => call(maker, options)).toThrow(`${who}: there is no option "${name}"`);
        expect(() => call(maker, options)).toThrow(UsageError);
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  it("names the options that there are", () => {
    const list = new Set(maker.names);
    let message = "";
    try {
      call(maker, { ...fitting, "": 1 });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(new Set(/\(options: (.*)\)/.exec(message)?.[1].split(", "))).toEqual(list);
  });

  it.each([2, true, "x", null, [1, 2]])("refuses %j where its options belong", (options) => {
    expect(() => call(maker, options)).toThrow(`${who}: options must be an object`);
  });

  it.runIf("rng" in fitting)("needs an rng", () => {
    const { rng: _, ...others } = fitting as { rng?: Rng };
    expect(() => call(maker, others)).toThrow(`${who}: rng must be a random generator, got undefined: `);
    expect(() => call(maker)).toThrow(`${who}: rng must be a random generator, got undefined: `);
    for (const wrong of [0, Math.random, {}]) {
      expect(() => call(maker, { ...fitting, rng: wrong })).toThrow(`${who}: rng must be a random generator, got `);
    }
  });
});

/** One letter less, or two exchanged. */
function typingError(names: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(names, fc.nat(), fc.boolean()).map(([name, at, exchange]) => {
    const i = at % (name.length - 1);
    return exchange
      ? name.slice(0, i) + name[i + 1] + name[i] + name.slice(i + 2)
      : name.slice(0, i) + name.slice(i + 1);
  });
}

describe("the nearest option is named", () => {
  it.each([
    [() => resnet.createModel("resnet18", { widht: 4, rng } as never), 'ImageNetResNet: there is no option "widht"'],
    [() => resnet.cifarResNet(20, { widht: 16, rng } as never), '"widht": did you mean "width"?'],
    [() => resnet.cifarResNet(20, { numClasses: 16, rng } as never), '"numClasses": did you mean "classes"?'],
    [() => new nn.Conv2d(1, 1, 1, { pading: 1, rng } as never), '"pading": did you mean "padding"?'],
    [() => new nn.BatchNorm2d(1, { track_running_stats: false } as never), 'did you mean "trackRunningStats"?'],
    [
      () => new nn.MaxPool2d(2, 2 as never),
      "MaxPool2d: options must be an object, { stride, padding, dilation, ceilMode }, got 2",
    ],
    [
      () => new nn.Conv2d(3, 16, 3, undefined as never),
      "Conv2d: rng must be a random generator, got undefined: new Conv2d(3, 16, 3, { rng: new Rng(seed) })",
    ],
    [() => new nn.Conv2d(3, 16, [3, 1], {} as never), "new Conv2d(3, 16, [3,1], { rng: new Rng(seed) })"],
  ] as const)("%#", (make, message) => {
    expect(make).toThrow(message);
  });
});

describe("counts are whole and positive", () => {
  const counts: readonly [string, string, (n: number) => unknown][] = [
    ["Conv2d", "inChannels", (n) => new nn.Conv2d(n, 1, 1, { rng })],
    ["Conv2d", "outChannels", (n) => new nn.Conv2d(1, n, 1, { rng })],
    ["Conv2d", "kernelSize", (n) => new nn.Conv2d(1, 1, n, { rng })],
    ["Conv2d", "kernelSize", (n) => new nn.Conv2d(1, 1, [1, n], { rng })],
    ["Conv2d", "stride", (n) => new nn.Conv2d(1, 1, 1, { stride: n, rng })],
    ["Conv2d", "dilation", (n) => new nn.Conv2d(1, 1, 1, { dilation: n, rng })],
    ["Conv2d", "groups", (n) => new nn.Conv2d(1, 1, 1, { groups: n, rng })],
    ["Linear", "inFeatures", (n) => new nn.Linear(n, 1, { rng })],
    ["Linear", "outFeatures", (n) => new nn.Linear(1, n, { rng })],
    ["BatchNorm2d", "channels", (n) => new nn.BatchNorm2d(n)],
    ["LayerNorm", "an axis length of normalizedShape", (n) => new nn.LayerNorm(n)],
    ["LayerNorm", "an axis length of normalizedShape", (n) => new nn.LayerNorm([1, n])],
    ["Conv1d", "inChannels", (n) => new nn.Conv1d(n, 1, 1, { rng })],
    ["Conv1d", "kernelSize", (n) => new nn.Conv1d(1, 1, n, { rng })],
    ["Conv1d", "stride", (n) => new nn.Conv1d(1, 1, 1, { stride: n, rng })],
    ["InstanceNorm2d", "channels", (n) => new nn.InstanceNorm2d(n)],
    ["GroupNorm", "groups", (n) => new nn.GroupNorm(n, 4)],
    ["GroupNorm", "channels", (n) => new nn.GroupNorm(1, n)],
    ["MaxPool2d", "kernelSize", (n) => new nn.MaxPool2d(n)],
    ["AvgPool2d", "stride", (n) => new nn.AvgPool2d(2, { stride: n })],
    ["AdaptiveAvgPool2d", "outputSize", (n) => new nn.AdaptiveAvgPool2d(n)],
    ["BasicBlock", "inChannels", (n) => new resnet.BasicBlock(n, 4, { rng })],
    ["BasicBlock", "stride", (n) => new resnet.BasicBlock(4, 4, { stride: n, rng })],
    ["Bottleneck", "outChannels", (n) => new resnet.Bottleneck(4, n, { rng })],
    ["Bottleneck", "groups", (n) => new resnet.Bottleneck(4, 4, { groups: n, rng })],
    ["HighwayLinear", "units", (n) => new resnet.HighwayLinear(n, { rng })],
    ["HighwayBlock", "channels", (n) => new resnet.HighwayBlock(n, { rng })],
    ["HighwayBlock", "kernelSize", (n) => new resnet.HighwayBlock(1, { kernelSize: n, rng })],
    ["cifarResNet", "depth", (n) => resnet.cifarResNet(n, { rng })],
    ["cifarResNet", "width", (n) => resnet.cifarResNet(8, { width: n, rng })],
    ["cifarResNet", "classes", (n) => resnet.cifarResNet(8, { classes: n, rng })],
    ["highwayNet", "depth", (n) => resnet.highwayNet(n, { rng })],
    ["highwayNet", "units", (n) => resnet.highwayNet(3, { units: n, rng })],
    ["highwayConvNet", "width", (n) => resnet.highwayConvNet(7, { width: n, rng })],
    ["ImageNetResNet", "classes", (n) => resnet.resnet18({ classes: n, rng })],
    ["vgg", "depth", (n) => resnet.vgg(n as 11, { rng })],
    ["vgg", "gridSize", (n) => resnet.vgg(11, { gridSize: n, rng })],
    ["survivalProbability", "L", (n) => resnet.survivalProbability(1, n, 0.5)],
  ];

  it.each(counts)("%s: %s", (who, name, make) => {
    for (const wrong of [Number.NaN, 2.5, 0, -1, Infinity, "16", null, {}, true]) {
      expect(() => make(wrong as number), `${wrong}`).toThrow(`${who}: ${name} must be `);
      expect(() => make(wrong as number), `${wrong}`).toThrow(typeof wrong === "number" ? ValueError : UsageError);
    }
  });
});

describe("numbers, flags and choices", () => {
  it.each([
    [
      () => new nn.BatchNorm2d(1, { eps: Number.NaN }),
      "BatchNorm2d: eps must be a finite number of 0 or more, got NaN",
    ],
    [
      () => new nn.BatchNorm2d(1, { eps: -1e-5 }),
      "BatchNorm2d: eps must be a finite number of 0 or more, got -0.00001",
    ],
    [() => new nn.BatchNorm2d(1, { momentum: 2 }), "BatchNorm2d: momentum must be a number from 0 to 1, got 2"],
    [() => new nn.BatchNorm2d(1, { momentum: "0.1" as never }), 'momentum must be a number from 0 to 1, got "0.1"'],
    [() => new nn.BatchNorm2d(1, { affine: 0 as never }), "BatchNorm2d: affine must be true or false, got 0"],
    [() => new nn.LayerNorm(1, { eps: "0" as never }), 'LayerNorm: eps must be a finite number of 0 or more, got "0"'],
    [() => new nn.Dropout(1.5, { rng }), "Dropout: p must be a number from 0 to 1, got 1.5"],
    [
      () => new nn.Dropout({ p: 0.5, rng } as never, { rng }),
      "p must be a number from 0 to 1, got an object { p, rng }",
    ],
    [
      () => new nn.Conv2d(1, 1, 3, { padding: -1, rng }),
      "Conv2d: padding must be a whole number of 0 or more, or two of them, got -1",
    ],
    [
      () => new nn.Conv2d(1, 1, [1, 2, 3] as never, { rng }),
      "Conv2d: kernelSize must be a whole number of 1 or more, or two of them, got [1, 2, 3]",
    ],
    [() => new nn.Conv2d(1, 1, 3, { bias: "no" as never, rng }), 'Conv2d: bias must be true or false, got "no"'],
    [
      () => new nn.Linear(1, 1, { init: "kaiming" as never, rng }),
      "Linear: init must be a function that fills a tensor",
    ],
    [
      () => new nn.LeakyReLU({ slope: 0.1 } as never),
      "LeakyReLU: slope must be a finite number, got an object { slope }",
    ],
    [() => new nn.GELU({ approximate: "yes" as never }), 'GELU: approximate must be "none" or "tanh", got "yes"'],
    [() => new nn.Softplus({ beta: 0 }), "Softplus: beta must not be 0"],
    [() => new nn.Flatten(0.5), "Flatten: startAxis must be a whole number, got 0.5"],
    [
      () => nn.init.normal(zeros([1]), rng, { std: -1 }),
      "init.normal: std must be a finite number of 0 or more, got -1",
    ],
    [
      () => nn.init.uniform(zeros([1]), rng, { high: Number.NaN }),
      "init.uniform: high must be a finite number, got NaN",
    ],
    [
      () => nn.init.kaimingNormal(zeros([1, 1]), undefined as never),
      "init.kaimingNormal: rng must be a random generator",
    ],
    [() => nn.init.constant(zeros([1]), undefined as never), "init.constant: value must be a number, got undefined"],
    [() => nn.init.gainOf("elu" as never), "init.gainOf: nonlinearity must be one of"],
    [
      () => nn.useConvAlgorithm(new nn.ReLU(), "fast" as never),
      'useConvAlgorithm: algorithm must be one of "auto", "im2col"',
    ],
    [() => new resnet.Expansion(new nn.ReLU(), { at: 200 } as never), "Expansion: at must be a list of steps"],
    [() => new resnet.Expansion(new nn.ReLU(), undefined as never), "Expansion: at must be a list of steps"],
    [() => resnet.vgg(11, { hidden: 64 as never, rng }), "vgg: hidden must be a list of numbers, got 64"],
    [() => resnet.vgg("11" as never, { rng }), 'vgg: depth must be 11, 13, 16 or 19, got "11"'],
    [
      () => resnet.createModel("plain20", { shortcut: "pad", rng }),
      'createModel: shortcut is "none" in this network, got "pad"',
    ],
    [
      () => resnet.createModel(20 as never, { rng } as never),
      "createModel: no network is called 20; there are resnet18",
    ],
  ] as const)("%#", (make, message) => {
    expect(make).toThrow(message);
  });
});
