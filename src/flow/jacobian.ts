/**
 * The singular values of Jacobians: how much a network, or one of its blocks, can stretch and shrink a small change.
 *
 * A gradient that passes y = f(x) is multiplied by Jᵀ, J = ∂y/∂x, so its length changes by a factor between the smallest and
 * the largest singular value of J. Gradients survive many layers where all are close to 1: dynamical isometry (Saxe,
 * McClelland & Ganguli 2013, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks";
 * Pennington, Schoenholz & Ganguli 2017, "Resurrecting the sigmoid in deep learning through dynamical isometry"). For
 * y = x + F(x) it is J = I + J_F: the identity moves what J_F has near 0 to near 1.
 * Next: singular-values.ts (all of them) and lanczos.ts (the largest).
 */
import { backward } from "../autograd/backward.ts";
import { needsGrad } from "../autograd/graph.ts";
import { checkModule, type Module } from "../nn/module.ts";
import { checkFunction, checkInteger, checkTexts, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { checkTensor } from "../tensor/check-tensor.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import { allocateLasting } from "../tensor/memory.ts";
import { asStep } from "../tensor/step.ts";
import { callNow } from "../tensor/sync.ts";
import { owned, peek, type Tensor, valuesOf } from "../tensor/tensor.ts";
import { checkReturned } from "./arguments.ts";
import { observeBlocks } from "./blocks.ts";
import { largestSingularValues } from "./lanczos.ts";
import { leafOf } from "./leaf.ts";
import { differentiatingOnly, isRecording, preservingBuffers } from "./preserve.ts";
import { type Matrix, singularValues } from "./singular-values.ts";

/** 2²⁷ numbers: half a gigabyte. */
const MOST_NUMBERS = 2 ** 27;

/**
 * The Jacobian J[i, j] = ∂yᵢ/∂xⱼ of y = f(x), `[size of y, size of x]`, exactly as backpropagation computes it: one
 * vector-Jacobian product per row.
 *
 * @throws ValueError if J would have more than 2²⁷ numbers; UsageError inside `noGrad`, and for anything but a function
 * that returns a tensor.
 *
 * @example
 * jacobian((x) => mul(x, x), tensor([3, 4])).values; // [6, 0, 0, 8]
 */
export function jacobian(f: (x: Tensor) => Tensor, x: Tensor): Matrix {
  return jacobianFor("jacobian", f, x);
}

function jacobianFor(who: string, f: (x: Tensor) => Tensor, x: Tensor): Matrix {
  checkFunction(who, "f", f);
  checkTensor(who, "x", x);
  if (!isRecording()) throw new UsageError(`${who}: inside noGrad there are no derivatives`);
  const leaf = leafOf(x);
  const y = callNow(who, "f", f, leaf);
  checkReturned(who, "f", y);
  return recordedJacobian(who, y, leaf);
}

/**
 * ∂y/∂x of a recorded graph: its random draws stay as they were.
 *
 * @param x where to stop in y's graph.
 */
export function recordedJacobian(who: string, y: Tensor, x: Tensor): Matrix {
  const [rows, columns] = [y.size, x.size];
  if (rows * columns > MOST_NUMBERS) {
    throw new ValueError(
      `${who}: ${rows} outputs × ${columns} inputs are more than 2^27 numbers: use a smaller image or fewer channels`,
    );
  }
  const values = allocateLasting(rows * columns, valuesOf(x));
  if (!needsGrad(y)) return { rows, columns, values };
  differentiatingOnly(y, [x], () => {
    for (let i = 0; i < rows; i++) {
      asStep(() => {
        const row = allocateLasting(rows, valuesOf(x));
        row[i] = 1;
        const grads = backward(y, { gradient: owned(row, y.shape), stopAt: [x] });
        if (grads.has(x)) values.set(peek(grads.get(x)), i * columns);
      });
    }
  });
  return { rows, columns, values };
}

/** Options of `jacobianSpectrum`. */
export interface SpectrumOptions {
  /** Compute only this many singular values, the largest, by Lanczos. Default: all. */
  largest?: number;
  /** Seed of Lanczos's first vector. */
  seed?: number;
}

const OPTIONS: OptionNames<SpectrumOptions> = { largest: true, seed: true };

/** One singular value: a row of `jacobianSpectrum`. */
export interface SpectrumRow {
  /** 0 for the largest. */
  readonly index: number;
  readonly singularValue: number;
  /** A singular value of the Jacobian, as computed by backpropagation, lies within this distance. */
  readonly error: number;
}

/**
 * The singular values of the Jacobian of y = f(x), largest first.
 *
 * All min(size of y, size of x) = n of them cost some 3·n³ operations: seconds for n = 1000. For larger ones there is
 * `largest: k`; J itself still has to fit into memory.
 *
 * @example
 * const image = randn([1, 3, 8, 8], rng);
 * jacobianSpectrum((x) => model.eval().forward(x), image).length; // 10
 */
export function jacobianSpectrum(f: (x: Tensor) => Tensor, x: Tensor, options: SpectrumOptions = {}): SpectrumRow[] {
  checkOptions("jacobianSpectrum", options, OPTIONS);
  checkSpectrum("jacobianSpectrum", options);
  return spectrumFor("jacobianSpectrum", f, x, options);
}

function spectrumFor(
  who: string,
  f: (x: Tensor) => Tensor,
  x: Tensor,
  { largest, seed = 0 }: SpectrumOptions,
): SpectrumRow[] {
  const matrix = jacobianFor(who, f, x);
  if (largest !== undefined) {
    checkWhole(who, "largest", largest, 1, Math.min(matrix.rows, matrix.columns));
    return largestSingularValues(who, matrix, largest, seed).map(({ value, error }, index) => ({
      index,
      singularValue: value,
      error,
    }));
  }
  const values = singularValues(matrix);
  const error = values.length * 2 ** -52 * (values[0] ?? 0);
  return Array.from(values, (singularValue, index) => ({ index, singularValue, error }));
}

function checkSpectrum(who: string, { largest, seed }: SpectrumOptions): void {
  if (seed !== undefined) checkInteger(who, "seed", seed);
  if (largest !== undefined) checkWhole(who, "largest", largest, 1);
}

/** Options of `blockSpectra`. */
export interface BlockSpectraOptions extends SpectrumOptions {
  /** Paths of the blocks to look at. Default: all. */
  blocks?: readonly string[];
}

const BLOCK_OPTIONS: OptionNames<BlockSpectraOptions> = { ...OPTIONS, blocks: true };

/** One singular value of a block's Jacobian or of a part of it: a row of `blockSpectra`. */
export interface BlockSpectrumRow extends SpectrumRow {
  /** Path of the block: `layer1.0`. */
  readonly block: string;
  /** y = forward(x), whose Jacobian is I + J_F where nothing follows the addition; or F(x) alone, J_F. */
  readonly part: "block" | "branch";
}

/**
 * The spectrum of every residual block's Jacobian, and of its branch's, on the input that reaches the block.
 *
 * The model runs in its current mode; running statistics are restored.
 *
 * @param x one image, `[1, C, H, W]`: the Jacobian of N images is N times as large in both directions.
 *
 * @example
 * const image = randn([1, 3, 6, 6], rng);
 * const rows = blockSpectra(model.eval(), image, { blocks: ["layer1.0"] });
 *
 * @throws ValueError if a path does not name a residual block.
 */
export function blockSpectra(model: Module, x: Tensor, options: BlockSpectraOptions = {}): BlockSpectrumRow[] {
  const who = "blockSpectra";
  checkModule(who, model);
  checkTensor(who, "x", x);
  checkOptions(who, options, BLOCK_OPTIONS);
  const { blocks, ...spectrum } = options;
  if (blocks !== undefined) checkTexts(who, "blocks", blocks);
  checkSpectrum(who, spectrum);
  return preservingBuffers(model, () => {
    const { calls } = observeBlocks(model, () => model.forward(x));
    for (const path of blocks ?? []) {
      if (!calls.some(({ block }) => block === path)) {
        throw new ValueError(
          `blockSpectra: ${model.constructor.name} has no residual block "${path}", but ${calls.map(({ block }) => block).join(", ")}`,
        );
      }
    }
    return calls
      .filter(({ block }) => !blocks || blocks.includes(block))
      .flatMap(({ block, module, x }) => {
        const part = (name: BlockSpectrumRow["part"], f: (x: Tensor) => Tensor): BlockSpectrumRow[] =>
          spectrumFor(who, f, x, spectrum).map((row) => ({ block, part: name, ...row }));
        return [...part("block", (t) => module.forward(t)), ...part("branch", (t) => module.branch(t))];
      });
  });
}
