/** Nodes as layers of this library, where they are just that. */
import { Conv2d } from "../../../nn/conv.ts";
import { ConvTranspose2d } from "../../../nn/conv-transpose.ts";
import { Linear } from "../../../nn/linear.ts";
import type { Module } from "../../../nn/module.ts";
import { BatchNorm2d } from "../../../nn/norm.ts";
import { Rng } from "../../../tensor/rng.ts";
import type { Graph, GraphNode } from "./model.ts";
import type { Numbers } from "./numbers.ts";
import { Node } from "./operator.ts";
import { checkBatchNorm, momentumOf } from "./operators/layers.ts";
import { windowOf } from "./windows.ts";

export interface MadeLayer {
  /** `layer1.0.conv1`, of which the tensors are `.weight`, `.bias`, … */
  readonly path: string;
  readonly layer: Module;
}

/** What the tensors of a layer are called, in the order of the node's inputs. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  Conv: ["weight", "bias"],
  ConvTranspose: ["weight", "bias"],
  Gemm: ["weight", "bias"],
  BatchNormalization: ["weight", "bias", "running_mean", "running_var"],
};

/** More is a damaged length: the operator refuses it, when it knows the image. */
const MOST_PADDING = 1024;

/** Weights are overwritten: they need no values at first. */
const init = (): void => {};

/** The layer that a node is; null if it is none, or has other names. */
export function layerOf(graphNode: GraphNode, { opset, tensors }: Graph): MadeLayer | null {
  const { operator, inputs } = graphNode;
  if (!Object.hasOwn(NAMES, operator)) return null;
  const given = inputs.slice(1).filter((name) => name !== "");
  const path = inputs[1]?.replace(/\.weight$/, "");
  if (!path || !given.every((name, i) => name === `${path}.${NAMES[operator][i]}`)) return null;
  const numbers = given.map((name) => tensors.get(name)!);
  const node = new Node(graphNode, opset, new Map());
  const layer =
    operator === "Conv"
      ? conv(node, numbers)
      : operator === "ConvTranspose"
        ? convTranspose(node, numbers)
        : operator === "Gemm"
          ? fullyConnected(node, numbers)
          : norm(node, numbers);
  return layer && { path, layer };
}

function conv(node: Node, [w, b]: readonly Numbers[]): Conv2d | null {
  if (w.shape.length !== 4 || w.shape.includes(0)) return null;
  const [outChannels, perGroup, kh, kw] = w.shape;
  const groups = node.whole("group", 1);
  const { kernel, stride, dilation, symmetric } = windowOf(node, [kh, kw]);
  if (
    !symmetric ||
    symmetric.some((p) => p > MOST_PADDING) ||
    kernel[0] !== kh ||
    kernel[1] !== kw ||
    groups < 1 ||
    outChannels % groups !== 0
  )
    return null;
  if (b && b.shape.join() !== `${outChannels}`) return null;
  const options = { stride, padding: symmetric, dilation, groups, bias: b !== undefined, rng: new Rng(0), init };
  const layer = new Conv2d(perGroup * groups, outChannels, [kh, kw], options);
  layer.weight.assign(w.data);
  if (b) layer.bias!.assign(b.data);
  return layer;
}

function convTranspose(node: Node, [w, b]: readonly Numbers[]): ConvTranspose2d | null {
  if (w.shape.length !== 4 || w.shape.includes(0) || node.list("output_shape")) return null;
  const [inChannels, perGroup, kh, kw] = w.shape;
  const groups = node.whole("group", 1);
  const { kernel, stride, dilation, symmetric: padding } = windowOf(node, [kh, kw]);
  if (!padding || padding.some((p) => p > MOST_PADDING) || kernel[0] !== kh || kernel[1] !== kw) return null;
  const [oh = 0, ow = 0] = node.list("output_padding") ?? [];
  if (![oh, ow].every((p, i) => Number.isSafeInteger(p) && p >= 0 && p < Math.max(stride[i], dilation[i]))) return null;
  if (groups < 1 || inChannels % groups !== 0) return null;
  const outChannels = perGroup * groups;
  if (b && b.shape.join() !== `${outChannels}`) return null;
  const window = { stride, padding, outputPadding: [oh, ow] as const, dilation, groups };
  const options = { ...window, bias: b !== undefined, rng: new Rng(0), init };
  const layer = new ConvTranspose2d(inChannels, outChannels, [kh, kw], options);
  layer.weight.assign(w.data);
  if (b) layer.bias!.assign(b.data);
  return layer;
}

function fullyConnected(node: Node, [w, b]: readonly Numbers[]): Linear | null {
  const plain = node.flag("transB", false) && !node.flag("transA", false);
  if (!plain || node.number("alpha", 1) !== 1 || (b && node.number("beta", 1) !== 1)) return null;
  if (w.shape.length !== 2 || w.shape.includes(0) || (b && b.shape.join() !== `${w.shape[0]}`)) return null;
  const layer = new Linear(w.shape[1], w.shape[0], { bias: b !== undefined, rng: new Rng(0), init });
  layer.weight.assign(w.data);
  if (b) layer.bias!.assign(b.data);
  return layer;
}

function norm(node: Node, numbers: readonly Numbers[]): BatchNorm2d | null {
  checkBatchNorm(node);
  const [channels] = numbers[0].shape;
  const eps = node.number("epsilon", 1e-5);
  const momentum = momentumOf(node);
  if (!channels || numbers.length !== 4 || numbers.some(({ shape }) => shape.join() !== `${channels}`)) return null;
  if (!(eps >= 0 && momentum >= 0 && momentum <= 1)) return null;
  const layer = new BatchNorm2d(channels, { eps, momentum });
  const [weight, bias, mean, variance] = numbers;
  layer.weight!.assign(weight.data);
  layer.bias!.assign(bias.data);
  layer.runningMean!.assign(mean.data);
  layer.runningVar!.assign(variance.data);
  return layer;
}
