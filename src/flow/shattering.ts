/**
 * Shattered gradients: Balduzzi, Frean, Leary, Lewis, Ma & McWilliams 2017, "The Shattered Gradients Problem: If resnets are
 * the answer, then what is the question?", Figs. 1 and 2, Theorems 1 and 3.
 *
 * Move the input along a line and look at ∂f/∂x. In a shallow network neighbouring inputs have similar gradients. In a
 * deep plain network every step flips ReLUs somewhere and the gradient becomes white noise: with He's initialisation,
 * and where two inputs open independent halves of each layer's units, the correlation halves with every layer, 2⁻ᴸ. A
 * step of gradient descent is then worthless an inch further. In a residual network the correlation decays far more
 * slowly, from (3/4)ᴸ without to about 1/(β√L) with batch norm and branches times β: brown noise.
 */
import { backward } from "../autograd/backward.ts";
import { checkModule, type Module } from "../nn/module.ts";
import { checkInteger, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { ShapeError, UsageError, ValueError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { formatShape, sameShape } from "../tensor/shape.ts";
import { asStep } from "../tensor/step.ts";
import { owned, type Tensor } from "../tensor/tensor.ts";
import { checkOutput } from "./arguments.ts";
import { norm } from "./measure.ts";
import { differentiatingOnly, preservingBuffers } from "./preserve.ts";

/** Options of `lineGradients`. */
export interface LineOptions {
  /** The number of equally spaced inputs, both ends included. Default 256. */
  points?: number;
  /** How many go through the network at once. Default: all. It makes no difference in evaluation mode. */
  batchSize?: number;
  /** Seed of the random unit vector u in f = ⟨u, outputs⟩. */
  seed?: number;
}

const LINE_OPTIONS: OptionNames<LineOptions> = { points: true, batchSize: true, seed: true };

/** ∂f/∂x at each point of a line of inputs. */
export interface LineGradients {
  /** Distance between neighbouring inputs. */
  readonly spacing: number;
  /** Numbers in one input, and so in one gradient. */
  readonly size: number;
  /** Gradient after gradient, `points`·`size` numbers. */
  readonly values: Float64Array;
}

/**
 * ∂f/∂x at equally spaced inputs from `from` to `to`, where f = ⟨u, model(x)⟩ and u is a random unit vector.
 *
 * The model runs in its current mode. In evaluation mode each input has its own gradient. In training mode batch norm
 * makes the inputs of a batch depend on each other, and the result is ∂(Σ f over the batch)/∂x, as in the paper;
 * running statistics are restored.
 *
 * @param from one input, `[1, …]`.
 * @param to the same shape.
 *
 * @example
 * const linear = new Linear(1, 1, { rng });
 * lineGradients(linear, tensor([[-2]]), tensor([[2]]), { points: 5 }).spacing; // 1
 *
 * @throws ShapeError unless both are one input of the same shape; ValueError for fewer than 2 points or 1 per batch.
 */
export function lineGradients(model: Module, from: Tensor, to: Tensor, options: LineOptions = {}): LineGradients {
  checkOptions("lineGradients", options, LINE_OPTIONS);
  return gradientsOnLine("lineGradients", model, from, to, options);
}

function gradientsOnLine(
  who: string,
  model: Module,
  from: Tensor,
  to: Tensor,
  { points = 256, batchSize = points, seed = 0 }: LineOptions,
): LineGradients {
  checkModule(who, model);
  checkTensor(who, "from", from);
  checkTensor(who, "to", to);
  if (!sameShape(from.shape, to.shape) || from.shape[0] !== 1) {
    throw new ShapeError(
      `${who}: both ends must be one input, [1, …], of one shape, got ${formatShape(from.shape)} and ${formatShape(to.shape)}`,
    );
  }
  checkWhole(who, "points", points, 2);
  checkWhole(who, "batchSize", batchSize, 1);
  checkInteger(who, "seed", seed);
  const { size } = from;
  const values = new Float64Array(points * size);
  const [start, end] = [from.data, to.data];
  const at = (point: number, i: number): number => {
    const t = point / (points - 1);
    return (1 - t) * start[i] + t * end[i];
  };
  preservingBuffers(model, () => {
    for (let first = 0; first < points; first += batchSize) {
      const count = Math.min(batchSize, points - first);
      const inputs = Float32Array.from({ length: count * size }, (_, k) => at(first + Math.floor(k / size), k % size));
      values.set(gradientsAt(who, model, owned(inputs, [count, ...from.shape.slice(1)], true), seed), first * size);
    }
  });
  const length = norm(Float64Array.from({ length: size }, (_, i) => end[i] - start[i]));
  return { spacing: length / (points - 1), size, values };
}

/** ∂(Σₙ⟨u, model(x)ₙ⟩)/∂x, the same u for every n. */
function gradientsAt(who: string, model: Module, x: Tensor, seed: number): Float64Array {
  return asStep(() => {
    const y = checkOutput(who, model.forward(x));
    const outputs = y.size / y.shape[0];
    const rng = new Rng(seed);
    const u = Float64Array.from({ length: outputs }, () => rng.normal());
    const length = norm(u);
    const gradient = owned(
      Float32Array.from({ length: y.size }, (_, k) => u[k % outputs] / length),
      y.shape,
    );
    return differentiatingOnly(y, [x], () => Float64Array.from(backward(y, { gradient }).get(x).data));
  });
}

/** The similarity of gradients at one distance: a row of `autocorrelation`. */
export interface AutocorrelationRow {
  /** In points. */
  readonly lag: number;
  /** The lag as the distance between the two inputs. */
  readonly distance: number;
  /** 1 at lag 0; about 0 for white noise. */
  readonly autocorrelation: number;
}

/**
 * The correlation of gradients at inputs `lag` points apart. With g(t) the gradient at point t and ḡ their mean,
 * R(lag) = Σ_t ⟨g(t) − ḡ, g(t + lag) − ḡ⟩ / Σ_t ‖g(t) − ḡ‖², the usual estimate of an autocorrelation. One row per lag,
 * from 0.
 *
 * Gradients that are all equal (a linear model) have no fluctuation to correlate: 1 at every lag.
 *
 * @example
 * const series = { spacing: 1, size: 1, values: Float64Array.of(1, -1, 1, -1) };
 * autocorrelation(series, 2).map((row) => row.autocorrelation); // [1, -0.75, 0.5]
 *
 * @param maxLag default: a quarter of the points.
 * @throws ValueError unless maxLag is a whole number below the number of points; UsageError for anything but gradients
 * on a line.
 */
export function autocorrelation(gradients: LineGradients, maxLag?: number): AutocorrelationRow[] {
  checkLine(gradients);
  return correlate("autocorrelation", gradients, maxLag);
}

function checkLine(gradients: unknown): asserts gradients is LineGradients {
  const { spacing, size, values } = (gradients ?? {}) as Partial<LineGradients>;
  if (typeof spacing !== "number" || !Number.isInteger(size) || !(values instanceof Float64Array)) {
    throw new UsageError(
      `autocorrelation: needs the result of lineGradients, { spacing, size, values }, got ${describe(gradients)}`,
    );
  }
  if (size! < 1 || values.length === 0 || values.length % size! !== 0) {
    throw new ValueError(`autocorrelation: ${values.length} values are not gradients of ${size} numbers each`);
  }
}

function correlate(who: string, { spacing, size, values }: LineGradients, maxLag?: number): AutocorrelationRow[] {
  const points = values.length / size;
  const last = maxLag === undefined ? Math.floor(points / 4) : maxLag;
  checkWhole(who, "maxLag", last, 0, points - 1);
  const mean = new Float64Array(size);
  for (let k = 0; k < values.length; k++) mean[k % size] += values[k] / points;
  const centered = values.map((v, k) => v - mean[k % size]);
  // If they differ only by rounding, there is nothing to correlate.
  const rounding = 2 ** -20 * norm(values);
  const constant = norm(centered) <= rounding;
  const product = (lag: number): number => {
    let sum = 0;
    for (let k = 0; k + lag * size < centered.length; k++) sum += centered[k] * centered[k + lag * size];
    return sum;
  };
  const variance = product(0);
  return Array.from({ length: last + 1 }, (_, lag) => ({
    lag,
    distance: lag * spacing,
    autocorrelation: constant ? 1 : product(lag) / variance,
  }));
}

/** Options of `shattering`. */
export interface ShatteringOptions extends LineOptions {
  /** Default: a quarter of the points. */
  maxLag?: number;
}

const SHATTERING_OPTIONS: OptionNames<ShatteringOptions> = { ...LINE_OPTIONS, maxLag: true };

/**
 * The autocorrelation of the input gradients along the line `from` … `to`: `lineGradients`, then `autocorrelation`.
 *
 * @example
 * const net = new Sequential(new Linear(1, 50, { rng }), new ReLU(), new Linear(50, 1, { rng }));
 * const rows = shattering(net, tensor([[-2]]), tensor([[2]]), { points: 256 });
 */
export function shattering(
  model: Module,
  from: Tensor,
  to: Tensor,
  options: ShatteringOptions = {},
): AutocorrelationRow[] {
  const who = "shattering";
  checkOptions(who, options, SHATTERING_OPTIONS);
  const { maxLag, ...line } = options;
  // Check before the work, not after it.
  if (maxLag !== undefined) checkWhole(who, "maxLag", maxLag, 0);
  return correlate(who, gradientsOnLine(who, model, from, to, line), maxLag);
}
