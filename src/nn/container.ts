/** Modules that arrange others. */
import { flatten } from "../autograd/shape.ts";
import { checkInteger } from "../tensor/arguments.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type AnyModule, checkModule, Module } from "./module.ts";

/**
 * Modules one after another: y = fₙ(… f₂(f₁(x))). The parts are named "0", "1", … as in PyTorch.
 *
 * @example
 * const rng = new Rng(0);
 * const model = new Sequential(new Flatten(), new Linear(784, 64, { rng }), new ReLU(), new Linear(64, 10, { rng }));
 */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  constructor(...layers: Module[]) {
    super();
    layers.forEach((layer, i) => {
      const list = Array.isArray(layer)
        ? "Sequential (takes modules one by one: new Sequential(...list))"
        : "Sequential";
      checkModule(`${list}, argument ${i + 1}`, layer);
    });
    this.layers = layers;
  }

  forward(x: Tensor): Tensor {
    for (const layer of this.layers) x = layer.forward(x);
    return x;
  }

  /** Its layers as "0", "1", …; a subclass's own parts keep their names. */
  override namedChildren(): [string, AnyModule][] {
    return super.namedChildren().map(([name, part]) => [name.replace(/^layers\./, ""), part]);
  }
}

/**
 * y = x. A placeholder for an optional part.
 *
 * @example
 * new Identity().forward(tensor([1, 2])).toArray(); // [1, 2]
 */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/**
 * Merges the axes from `startAxis` to `endAxis`. Default: all but the batch axis.
 *
 * @example
 * new Flatten().forward(zeros([8, 16, 4, 4])).shape; // [8, 256]
 */
export class Flatten extends Module {
  readonly startAxis: number;
  readonly endAxis: number;

  constructor(startAxis = 1, endAxis = -1) {
    super();
    checkInteger("Flatten", "startAxis", startAxis);
    checkInteger("Flatten", "endAxis", endAxis);
    this.startAxis = startAxis;
    this.endAxis = endAxis;
  }

  forward(x: Tensor): Tensor {
    return flatten(x, this.startAxis, this.endAxis);
  }
}
