/** Files that PyTorch's exporter wrote (torch/make_fixtures.py): outputs, gradients and running statistics are PyTorch's. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { backward, mul, noGrad, sum } from "../../../../src/autograd/index.ts";
import { exportOnnx, importOnnx } from "../../../../src/io/onnx/index.ts";
import type { Module } from "../../../../src/nn/index.ts";
import { type SavedTensor, type Tensor, tensor } from "../../../../src/tensor/index.ts";
import { difference, openOnnx } from "../runtime.ts";

interface Golden {
  readonly x: SavedTensor;
  readonly y: SavedTensor;
  /** Of PyTorch's state dict. */
  readonly names: readonly string[];
  readonly training?: {
    readonly y: SavedTensor;
    readonly upstream: SavedTensor;
    readonly gx: SavedTensor;
    readonly gradients: Readonly<Record<string, SavedTensor>>;
    readonly buffers: Readonly<Record<string, SavedTensor>>;
  };
}

/** Both compute in float32, and add in other orders. */
const TOLERANCE = 1e-5;

const file = (name: string): string => `${import.meta.dirname}/torch/${name}`;
const bytesOf = (name: string): Uint8Array => readFileSync(file(`${name}.onnx`));
const goldenOf = (name: string): Golden => JSON.parse(readFileSync(file(`${name}.json`), "utf8"));

const FILES = [
  "residual",
  "residual-folded",
  "viewed-9",
  "viewed-11",
  "viewed-16",
  "normalised",
  "normalised-folded",
] as const;

describe.each(FILES)("%s", (name) => {
  const { x, y } = goldenOf(name);

  it("computes what PyTorch and ONNX Runtime compute, also for another batch", async () => {
    const network = importOnnx(bytesOf(name));
    const input = tensor(x);
    const output = noGrad(() => network.forward(input));
    expect(difference(output, tensor(y))).toBeLessThan(TOLERANCE);
    const runner = await openOnnx(bytesOf(name));
    expect(difference(output, await runner.run(input))).toBeLessThan(TOLERANCE);
  });

  it("is exported again, and computes the same", async () => {
    const network = importOnnx(bytesOf(name));
    const again = exportOnnx(network, { inputShape: x.shape.slice(1) });
    expect(difference(await (await openOnnx(again)).run(tensor(x)), tensor(y))).toBeLessThan(TOLERANCE);
    expect(
      difference(
        noGrad(() => importOnnx(again).forward(tensor(x))),
        tensor(y),
      ),
    ).toBeLessThan(TOLERANCE);
  });
});

describe.each(["residual", "normalised"])("%s in training", (name) => {
  const { x, names, training } = goldenOf(name);
  const run = (network: Module): { y: Tensor; input: Tensor; grads: ReturnType<typeof backward> } => {
    const input = tensor(x, { requiresGrad: true });
    const y = network.forward(input);
    return { y, input, grads: backward(sum(mul(y, tensor(training!.upstream)))) };
  };

  it("has PyTorch's names", () => {
    const known = names.filter((n) => !n.endsWith("num_batches_tracked"));
    const own = Object.keys(importOnnx(bytesOf(name)).stateDict()).filter((n) => !n.endsWith("num_batches_tracked"));
    expect(own.sort()).toEqual(known.sort());
  });

  it("has PyTorch's output, gradients and running statistics", () => {
    const network = importOnnx(bytesOf(name)).train();
    const { y, input, grads } = run(network);
    expect(difference(y, tensor(training!.y))).toBeLessThan(TOLERANCE);
    expect(difference(grads.get(input)!, tensor(training!.gx))).toBeLessThan(TOLERANCE);
    const parameters = Object.fromEntries(network.namedParameters());
    expect(Object.keys(parameters).sort()).toEqual(Object.keys(training!.gradients).sort());
    for (const [parameter, expected] of Object.entries(training!.gradients)) {
      expect(difference(grads.get(parameters[parameter])!, tensor(expected)), parameter).toBeLessThan(TOLERANCE);
    }
    for (const [buffer, expected] of Object.entries(training!.buffers)) {
      expect(difference(network.stateDict()[buffer], tensor(expected)), buffer).toBeLessThan(TOLERANCE);
    }
  });
});
