/**
 * The names that projects give to a residual network's tensors, each with torchvision's name of the same tensor. Written
 * from the order in which the project's own source makes its modules, not from the library's rules.
 */
export type Names = readonly (readonly [theirs: string, ours: string])[];

export interface Depths {
  readonly blocks: readonly number[];
  readonly bottleneck: boolean;
  /** Stages whose first block projects, from 1. */
  readonly projects: readonly number[];
}

export const resnet18: Depths = { blocks: [2, 2, 2, 2], bottleneck: false, projects: [2, 3, 4] };
export const resnet50: Depths = { blocks: [3, 4, 6, 3], bottleneck: true, projects: [1, 2, 3, 4] };
export const resnet20A: Depths = { blocks: [3, 3, 3], bottleneck: false, projects: [] };
export const resnet20B: Depths = { blocks: [3, 3, 3], bottleneck: false, projects: [2, 3] };

const norm = (theirs: string, ours: string): Names =>
  ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map((name) => [
    `${theirs}.${name}`,
    `${ours}.${name}`,
  ]);
const conv = (theirs: string, ours: string): Names => [[`${theirs}.weight`, `${ours}.weight`]];
const linear = (theirs: string): Names => [
  [`${theirs}.weight`, "fc.weight"],
  [`${theirs}.bias`, "fc.bias"],
];

/** Every block of a network: the stage from 1, the block from 0, and its number of convolutions. */
function eachBlock(
  depths: Depths,
  names: (stage: number, block: number, convs: number, projects: boolean) => Names,
): Names {
  return depths.blocks.flatMap((count, i) =>
    Array.from({ length: count }, (_, b) =>
      names(i + 1, b, depths.bottleneck ? 3 : 2, b === 0 && depths.projects.includes(i + 1)),
    ).flat(),
  );
}

interface Style {
  /** Before the stem and the stages. */
  readonly body?: string;
  readonly stem?: readonly [conv: string, norm: string];
  readonly stage?: (stage: number) => string;
  readonly downsample?: string;
  readonly head?: string;
}

/** torchvision's naming and what differs little from it: timm, mmpretrain, the CIFAR nets. */
export function torchvisionLike(depths: Depths, style: Style = {}): Names {
  const {
    body = "",
    stem = ["conv1", "bn1"],
    stage = (s) => `layer${s}`,
    downsample = "downsample",
    head = "fc",
  } = style;
  return [
    ...conv(body + stem[0], "conv1"),
    ...norm(body + stem[1], "bn1"),
    ...eachBlock(depths, (s, b, convs, projects) => {
      const [theirs, ours] = [`${body}${stage(s)}.${b}`, `layer${s}.${b}`];
      return [
        ...Array.from({ length: convs }, (_, c) => [
          ...conv(`${theirs}.conv${c + 1}`, `${ours}.conv${c + 1}`),
          ...norm(`${theirs}.bn${c + 1}`, `${ours}.bn${c + 1}`),
        ]).flat(),
        ...(projects
          ? [
              ...conv(`${theirs}.${downsample}.0`, `${ours}.downsample.0`),
              ...norm(`${theirs}.${downsample}.1`, `${ours}.downsample.1`),
            ]
          : []),
      ];
    }),
    ...linear(head),
  ];
}

/** transformers' ResNetForImageClassification: embedder, encoder.stages with shortcut before layer, classifier. */
export function huggingFace(depths: Depths): Names {
  const layer = (theirs: string, convName: string, normName: string): Names => [
    ...conv(`${theirs}.convolution`, convName),
    ...norm(`${theirs}.normalization`, normName),
  ];
  return [
    ...layer("resnet.embedder.embedder", "conv1", "bn1"),
    ...eachBlock(depths, (s, b, convs, projects) => {
      const [theirs, ours] = [`resnet.encoder.stages.${s - 1}.layers.${b}`, `layer${s}.${b}`];
      return [
        ...(projects ? layer(`${theirs}.shortcut`, `${ours}.downsample.0`, `${ours}.downsample.1`) : []),
        ...Array.from({ length: convs }, (_, c) =>
          layer(`${theirs}.layer.${c}`, `${ours}.conv${c + 1}`, `${ours}.bn${c + 1}`),
        ).flat(),
      ];
    }),
    ...linear("classifier.1"),
  ];
}
