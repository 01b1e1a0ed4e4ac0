/**
 * Reading the gates of a highway network: which layers a sample uses, and which it skips.
 *
 * "Training Very Deep Networks" (Srivastava, Greff & Schmidhuber 2015), §4.1 and Fig. 2: in trained networks most gates are
 * nearly shut for a given input, and which ones are open depends on the input: the network routes.
 */
import { noGrad } from "../autograd/graph.ts";
import { mean } from "../autograd/reduce.ts";
import { inEvaluation } from "../nn/evaluation.ts";
import { type AnyModule, checkModule, type Module } from "../nn/module.ts";
import { observe } from "../nn/observe.ts";
import { SHORTCUTS, type ShortcutKind } from "../resnet/shortcut.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ValueError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The gates of one layer for a batch of examples. */
export interface LayerGates {
  /** Path of the layer in the network: `layers.0`. */
  readonly layer: string;
  /** T(x) of every unit, `[N, units]` or `[N, C, H, W]`, from 0 (the unit is carried) to 1 (it is transformed). */
  readonly gates: Tensor;
  /** Mean of T(x) over the units, for each example: how much of the layer the example uses. */
  readonly perExample: readonly number[];
}

/**
 * The gates of every layer that has them, first layer first, in evaluation mode: highway layers, and residual blocks with a
 * gated shortcut, whose gates are called g there.
 *
 * @param x examples as the model takes them.
 * @throws ValueError if the model has no gate.
 *
 * @example
 * const model = highwayNet(10, { rng: new Rng(0) });
 * const digits = randn([4, 784], new Rng(1));
 * const rows = readGates(model, digits);
 * rows.map(({ perExample }) => perExample[0]); // how much of each layer the first digit uses
 */
export function readGates(model: Module, x: Tensor): LayerGates[] {
  checkModule("readGates", model);
  checkTensor("readGates", "x", x);
  const rows = noGrad(() =>
    inEvaluation(model, () => {
      const read: LayerGates[] = [];
      observe(
        model,
        (layer, module, input) => {
          if (!isGated(module)) return;
          const gates = module.gate(input);
          const units = gates.shape.map((_, axis) => axis).slice(1);
          read.push({ layer, gates, perExample: Array.from(mean(gates, units).data) });
        },
        () => model.forward(x),
      );
      return read;
    }),
  );
  if (rows.length === 0) throw new ValueError(`readGates: ${model.constructor.name} has no layer with a gate`);
  return rows;
}

function isGated(module: AnyModule): module is Module & { gate(x: Tensor): Tensor } {
  const { gate, shortcut } = module as { gate?: unknown; shortcut?: ShortcutKind };
  return typeof gate === "function" && SHORTCUTS[shortcut!]?.needs === "gate";
}
