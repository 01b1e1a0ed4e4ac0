/**
 * A gated residual network set up as a highway: github.com/flukeskywalker/highway-resnet-comparison (`highway110`), by the
 * first author of "Highway Networks", in answer to He et al. 2016, Table 1.
 *
 *   y = t·h + (1 − t)·s(x)
 *   h = relu(bn(conv(relu(bn(conv(x))))))          the nonlinearity is inside the branch: nothing follows the addition
 *   t = σ(bn(conv(relu(bn(conv(x))))))             the gate sees as much of the image as h; the last norm's shift starts at −6
 *
 * In He et al.'s exclusive gating a ReLU follows the addition, and the gate is one 1×1 convolution
 * (src/resnet/shortcut.ts). As in the repository, projections change shapes, and the stages have 7/8 of the channels of
 * the network without gates.
 */
import { add, mul, sub } from "../../src/autograd/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  GlobalAvgPool2d,
  init,
  Linear,
  Module,
  ReLU,
  Sequential,
  Sigmoid,
} from "../../src/nn/index.ts";
import type { ResidualBlock } from "../../src/resnet/index.ts";
import type { Rng, Tensor } from "../../src/tensor/index.ts";

/** `[N, from, H, W]` to `[N, to, H/stride, W/stride]`. */
export class HighwayUnit extends Module implements ResidualBlock {
  readonly shortcut = "gate";
  readonly order = "reluBeforeAddition";
  readonly transform: Sequential;
  readonly transformGate: Sequential;
  /** Where the shape changes: s(x) = bn(conv1×1(x)). */
  readonly downsample: Sequential | null;

  constructor(from: number, to: number, { stride, rng }: { readonly stride: number; readonly rng: Rng }) {
    super();
    const conv = (inChannels: number, kernel: number, step: number): Module[] => [
      new Conv2d(inChannels, to, kernel, {
        stride: step,
        padding: (kernel - 1) / 2,
        bias: false,
        rng,
        init: init.kaimingNormal,
      }),
      new BatchNorm2d(to),
    ];
    const twice = (): Module[] => [...conv(from, 3, stride), new ReLU(), ...conv(to, 3, 1)];
    this.transform = new Sequential(...twice(), new ReLU());
    const gate = twice();
    init.constant((gate[gate.length - 1] as BatchNorm2d).bias!, GATE_BIAS);
    this.transformGate = new Sequential(...gate, new Sigmoid());
    const changes = stride !== 1 || from !== to;
    this.downsample = changes ? new Sequential(...conv(from, 1, stride)) : null;
  }

  forward(x: Tensor): Tensor {
    const t = this.gate(x);
    return add(mul(t, this.transform.forward(x)), this.#carry(x, t));
  }

  /** t(x), of the output's shape. */
  gate(x: Tensor): Tensor {
    return this.transformGate.forward(x);
  }

  branch(x: Tensor): Tensor {
    return mul(this.gate(x), this.transform.forward(x));
  }

  skip(x: Tensor): Tensor {
    return this.#carry(x, this.gate(x));
  }

  zeroInitLast(): void {
    throw new Error("HighwayUnit: the gate makes a branch start near zero, not at zero");
  }

  #carry(x: Tensor, t: Tensor): Tensor {
    return mul(this.downsample ? this.downsample.forward(x) : x, sub(1, t));
  }
}

/** The initial shift of the gates' last norm, as in the repository: t starts near σ(−6) = 0.0025. */
const GATE_BIAS = -6;

/** A network of 6n + 2 layers of highway units: images `[N, inChannels, H, W]` to logits `[N, classes]`. */
export function highwayUnitNet(
  depth: number,
  options: { readonly width: number; readonly inChannels: number; readonly classes: number; readonly rng: Rng },
): Sequential {
  const { width, inChannels, classes, rng } = options;
  const narrow = Math.max(1, Math.round((7 / 8) * width));
  const stem = new Conv2d(inChannels, width, 3, {
    padding: 1,
    bias: false,
    rng: rng.fork("conv1"),
    init: init.kaimingNormal,
  });
  const unitsPerStage = (depth - 2) / 6;
  let from = width;
  const units = [1, 2, 4].flatMap((factor, stage) =>
    Array.from({ length: unitsPerStage }, (_, i) => {
      const to = narrow * factor;
      const unit = new HighwayUnit(from, to, {
        stride: i === 0 && stage > 0 ? 2 : 1,
        rng: rng.fork(`layer${stage + 1}.${i}`),
      });
      from = to;
      return unit;
    }),
  );
  const fc = new Linear(from, classes, { rng: rng.fork("fc") });
  return new Sequential(stem, new BatchNorm2d(width), new ReLU(), ...units, new GlobalAvgPool2d(), fc);
}
