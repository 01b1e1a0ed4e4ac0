/**
 * Networks by name: torchvision's names where it has them, and the papers' names else.
 *
 *   ImageNet       resnet18 … resnet152, resnext50_32x4d, resnext101_32x8d, wide_resnet50_2, wide_resnet101_2
 *   VGG            vgg11, vgg13, vgg16, vgg19, and with batch norm vgg11_bn …
 *   CIFAR-10       resnet20, resnet32, resnet44, resnet56, resnet110, resnet1202
 *   pre-activation preact_resnet110, preact_resnet164, preact_resnet1001
 *   plain          plain18, plain34 for ImageNet; plain20, plain32, plain44, plain56, plain110 for CIFAR-10
 *   highway        highway10, highway20, highway50, highway100; convolutional: conv_highway19, conv_highway32
 *
 * A program that knows which network it wants calls its function, and bundles no other.
 */
import { describe } from "../tensor/check.ts";
import { ValueError } from "../tensor/errors.ts";
import { type CifarResNetOptions, cifarResNet, type ResNet } from "./cifar-resnet.ts";
import {
  type HighwayConvNet,
  type HighwayConvNetOptions,
  type HighwayNet,
  type HighwayNetOptions,
  highwayConvNet,
  highwayNet,
} from "./highway.ts";
import {
  type ImageNetResNet,
  type ImageNetResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  wideResnet50_2,
  wideResnet101_2,
} from "./imagenet-resnet.ts";
import { type Vgg, type VggOptions, vgg } from "./vgg.ts";

/** The names that `createModel` knows. */
export type ModelName = ImageNetName | VggName | CifarName | HighwayName | ConvHighwayName;

/** Networks for ImageNet by their names in torchvision, and their plain twins. */
export type ImageNetName =
  | `resnet${18 | 34 | 50 | 101 | 152}`
  | "resnext50_32x4d"
  | "resnext101_32x8d"
  | `wide_resnet${50 | 101}_2`
  | `plain${18 | 34}`;

/** VGG by torchvision's names. */
export type VggName = `vgg${11 | 13 | 16 | 19}${"" | "_bn"}`;

/** Networks for CIFAR, and plain twins. */
export type CifarName =
  | `resnet${20 | 32 | 44 | 56 | 110 | 1202}`
  | `preact_resnet${110 | 164 | 1001}`
  | `plain${20 | 32 | 44 | 56 | 110}`;

/** Fully connected highway networks. */
export type HighwayName = `highway${10 | 20 | 50 | 100}`;

/** Convolutional highway networks. */
export type ConvHighwayName = `conv_highway${19 | 32}`;

/** The options of the network called `Name`: those of the function that makes it. */
export type ModelOptions<Name extends ModelName> = Name extends ImageNetName
  ? ImageNetResNetOptions
  : Name extends VggName
    ? VggOptions
    : Name extends CifarName
      ? CifarResNetOptions
      : Name extends HighwayName
        ? HighwayNetOptions
        : HighwayConvNetOptions;

/** The class of the network called `Name`: that of what the function that makes it returns. */
export type NamedModel<Name extends ModelName> = Name extends ImageNetName
  ? ImageNetResNet
  : Name extends VggName
    ? Vgg
    : Name extends CifarName
      ? ResNet
      : Name extends HighwayName
        ? HighwayNet
        : HighwayConvNet;

const BUILDERS: { readonly [Name in ModelName]: (options: ModelOptions<Name>) => NamedModel<Name> } = {
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  wide_resnet50_2: wideResnet50_2,
  wide_resnet101_2: wideResnet101_2,
  plain18: (options) => resnet18(fixed(options, { shortcut: "none" })),
  plain34: (options) => resnet34(fixed(options, { shortcut: "none" })),
  vgg11: (options) => vgg(11, options),
  vgg13: (options) => vgg(13, options),
  vgg16: (options) => vgg(16, options),
  vgg19: (options) => vgg(19, options),
  vgg11_bn: (options) => vgg(11, fixed(options, { batchNorm: true })),
  vgg13_bn: (options) => vgg(13, fixed(options, { batchNorm: true })),
  vgg16_bn: (options) => vgg(16, fixed(options, { batchNorm: true })),
  vgg19_bn: (options) => vgg(19, fixed(options, { batchNorm: true })),
  resnet20: (options) => cifarResNet(20, options),
  resnet32: (options) => cifarResNet(32, options),
  resnet44: (options) => cifarResNet(44, options),
  resnet56: (options) => cifarResNet(56, options),
  resnet110: (options) => cifarResNet(110, options),
  resnet1202: (options) => cifarResNet(1202, options),
  preact_resnet110: (options) => cifarResNet(110, fixed(options, { order: "pre" })),
  preact_resnet164: (options) => cifarResNet(164, fixed(options, { block: "bottleneck", order: "pre" })),
  preact_resnet1001: (options) => cifarResNet(1001, fixed(options, { block: "bottleneck", order: "pre" })),
  plain20: (options) => cifarResNet(20, fixed(options, { shortcut: "none" })),
  plain32: (options) => cifarResNet(32, fixed(options, { shortcut: "none" })),
  plain44: (options) => cifarResNet(44, fixed(options, { shortcut: "none" })),
  plain56: (options) => cifarResNet(56, fixed(options, { shortcut: "none" })),
  plain110: (options) => cifarResNet(110, fixed(options, { shortcut: "none" })),
  highway10: (options) => highwayNet(10, options),
  highway20: (options) => highwayNet(20, options),
  highway50: (options) => highwayNet(50, options),
  highway100: (options) => highwayNet(100, options),
  conv_highway19: (options) => highwayConvNet(19, options),
  conv_highway32: (options) => highwayConvNet(32, options),
};

/**
 * The options with those that make the network what its name says.
 *
 * @throws ValueError if one of them was asked to be another.
 */
function fixed<Options extends object, Fixed extends Partial<Options>>(options: Options, own: Fixed): Options & Fixed {
  for (const [name, value] of Object.entries(own)) {
    const asked = (options as Readonly<Record<string, unknown>> | undefined)?.[name];
    if (asked !== undefined && asked !== value) {
      throw new ValueError(`createModel: ${name} is ${describe(value)} in this network, got ${describe(asked)}`);
    }
  }
  return { ...options, ...own };
}

/** Every name that `createModel` knows. */
export const modelNames: readonly ModelName[] = /* @__PURE__ */ Object.keys(BUILDERS) as ModelName[];

/**
 * Whether a network is called `name`.
 *
 * @example
 * isModelName("resnet18"); // true
 * isModelName("resnet19"); // false
 */
export function isModelName(name: string): name is ModelName {
  return Object.hasOwn(BUILDERS, name);
}

/**
 * The network called `name`.
 *
 * @example
 * const plain = createModel("plain56", { classes: 100, rng: new Rng(0) });
 * plain.parameterCount(); // 858868
 *
 * @throws ValueError for a name that no network has (it lists those there are), or an option that contradicts the name.
 */
export function createModel<Name extends ModelName>(name: Name, options: ModelOptions<Name>): NamedModel<Name> {
  if (!isModelName(name)) {
    throw new ValueError(
      `createModel: no network is called ${describe(name as unknown)}; there are ${modelNames.join(", ")}`,
    );
  }
  return BUILDERS[name](options);
}
