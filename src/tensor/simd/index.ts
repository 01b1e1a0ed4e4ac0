/**
 * The SIMD tier: the plain tier's functions as WebAssembly, assembled when they are first used.
 *
 * Every function here returns whether it did the work. If it did not (a shape or operation it does not cover, float64
 * data, no room in its memory, a sum beyond float32's range, not compiled), the plain kernel does, with the same result
 * within rounding.
 */
import type { ArrayKernels } from "../kernels.ts";
import { plainKernels } from "../plain/index.ts";
import { warn } from "../warn.ts";
import { binary, where } from "./broadcast.ts";
import { conv2d, conv2dInputGradient, conv2dWeightGradient } from "./conv/conv.ts";
import { addScaled, unary, unaryGradient } from "./elementwise.ts";
import { gemm } from "./matmul.ts";
import { moments, normalize } from "./norm.ts";
import { normalizeGradient, normalizeReluGradient } from "./norm-gradient.ts";
import { inParts, type Parts } from "./parts.ts";
import { partsOf } from "./parts-of-kernels.ts";
import { avgPool2d, avgPool2dGradient, maxPool2d, maxPool2dGradient } from "./pool.ts";
import { reduce } from "./reduce.ts";
import { resample } from "./resample.ts";
import { copyStrided } from "./shape.ts";
import { logSoftmax, logSoftmaxGradient, softmax, softmaxGradient } from "./softmax.ts";
import { adam, rmsprop, sgd } from "./update.ts";
import { Engine, NOT_COMPILED } from "./wasm/engine.ts";
import { type MemoryLike, reasonOf, webAssembly } from "./wasm/features.ts";
import type { Team } from "./wasm/team.ts";
import { worthIt } from "./worth.ts";

/**
 * The tier, or a string that says why this platform cannot have it: there is no WebAssembly, it has no SIMD, it has no
 * memory to give, or the page's Content-Security-Policy forbids it (it lacks 'wasm-unsafe-eval').
 *
 * @param makeTeam makes the threads that compute on its memory, which they share.
 */
export function makeSimdKernels(makeTeam?: (memory: MemoryLike) => Team): ArrayKernels | string {
  const wasm = webAssembly();
  if (!wasm) return "this platform has no WebAssembly";
  let engine: Engine;
  try {
    engine = new Engine(wasm, undefined, undefined, makeTeam);
    if (!engine.features.simd) return "this platform's WebAssembly has no SIMD";
  } catch (error) {
    return `WebAssembly cannot be used here: ${reasonOf(error)}`;
  }
  return kernelsOf(engine);
}

/** The kernels that run on `engine`. */
export function kernelsOf(engine: Engine): ArrayKernels {
  let why: string | null = null;
  let toldOfRoom = false;
  const hadNoRoom = (args: readonly unknown[]): string => {
    if (!toldOfRoom) {
      const bytes = args.reduce<number>((sum, a) => sum + (ArrayBuffer.isView(a) ? a.byteLength : 0), 0);
      const [arrays, room] = [bytes, engine.arena.room].map((size) => `${Math.ceil(size / 2 ** 20)} MiB`);
      warn(
        `a kernel's arrays of ${arrays} find no room in the ${room} that are free in the memory of the SIMD kernels, and cannot be cut: a plain kernel computes, which is slower`,
      );
    }
    toldOfRoom = true;
    return "no room in the memory";
  };
  const failed = (...args: readonly unknown[]): void => {
    why = hadNoRoom(args);
  };
  /** `fast` where it can, whole or in parts, otherwise `plain`. */
  const orPlain =
    <Args extends readonly unknown[]>(
      fast: (engine: Engine, ...args: Args) => boolean,
      plain: (...args: Args) => void,
      partsOf?: (engine: Engine, ...args: Args) => Parts<Args> | null,
    ): ((...args: Args) => void) =>
    (...args) => {
      engine.algorithm = null;
      engine.hadNoRoom = false;
      why = null;
      try {
        if (!args.some(isFloat64)) {
          if (!engine.arena.short && fast(engine, ...args)) return;
          if (engine.arena.short) {
            const parts = partsOf?.(engine, ...args);
            if (parts ? inParts(engine, fast, plain, parts, failed) : fast(engine, ...args)) return;
          }
        }
      } catch (error) {
        if (error !== NOT_COMPILED) throw error;
        why = "not compiled";
      }
      why ??= engine.hadNoRoom ? hadNoRoom(args) : reasonOfPlain(args);
      plain(...args);
    };

  const tier: ArrayKernels = {
    ...plainKernels,
    name: "simd",
    arithmetic: engine.features.multiplyAdd ? "fused" : "separate",
    pool: engine.arena,
    ready: () => engine.ready(),
    binary: orPlain(binary, plainKernels.binary, partsOf.binary),
    where: orPlain(where, plainKernels.where, partsOf.where),
    unary: orPlain(unary, plainKernels.unary, partsOf.unary),
    unaryGradient: orPlain(unaryGradient, plainKernels.unaryGradient, partsOf.unaryGradient),
    addScaled: orPlain(addScaled, plainKernels.addScaled, partsOf.addScaled),
    copyStrided: orPlain(copyStrided, plainKernels.copyStrided, partsOf.copyStrided),
    reduce: orPlain(reduce, plainKernels.reduce, partsOf.reduce),
    gemm: orPlain(gemm, plainKernels.gemm, partsOf.gemm),
    conv2d: orPlain(conv2d, plainKernels.conv2d, partsOf.conv2d),
    conv2dInputGradient: orPlain(conv2dInputGradient, plainKernels.conv2dInputGradient, partsOf.conv2dInputGradient),
    conv2dWeightGradient: orPlain(conv2dWeightGradient, plainKernels.conv2dWeightGradient),
    maxPool2d: orPlain(maxPool2d, plainKernels.maxPool2d, partsOf.maxPool2d),
    maxPool2dGradient: orPlain(maxPool2dGradient, plainKernels.maxPool2dGradient, partsOf.maxPool2dGradient),
    avgPool2d: orPlain(avgPool2d, plainKernels.avgPool2d, partsOf.avgPool2d),
    avgPool2dGradient: orPlain(avgPool2dGradient, plainKernels.avgPool2dGradient),
    resample: orPlain(resample, plainKernels.resample, partsOf.resample),
    moments: orPlain(moments, plainKernels.moments, partsOf.moments),
    normalize: orPlain(normalize, plainKernels.normalize, partsOf.normalize),
    normalizeGradient: orPlain(normalizeGradient, plainKernels.normalizeGradient, partsOf.normalizeGradient),
    normalizeReluGradient: orPlain(
      normalizeReluGradient,
      plainKernels.normalizeReluGradient,
      partsOf.normalizeReluGradient,
    ),
    softmax: orPlain(softmax, plainKernels.softmax, partsOf.softmax),
    logSoftmax: orPlain(logSoftmax, plainKernels.logSoftmax, partsOf.logSoftmax),
    softmaxGradient: orPlain(softmaxGradient, plainKernels.softmaxGradient, partsOf.softmaxGradient),
    logSoftmaxGradient: orPlain(logSoftmaxGradient, plainKernels.logSoftmaxGradient, partsOf.logSoftmaxGradient),
    sgd: orPlain(sgd, plainKernels.sgd, partsOf.sgd),
    adam: orPlain(adam, plainKernels.adam, partsOf.adam),
    rmsprop: orPlain(rmsprop, plainKernels.rmsprop, partsOf.rmsprop),
    told: (kernel) => {
      const own = tier[kernel as keyof ArrayKernels] !== plainKernels[kernel as keyof ArrayKernels];
      if (own && why === null) return { tier: "simd", algorithm: engine.algorithm, why };
      return { tier: "plain", algorithm: null, why: own ? why : "not covered" };
    },
  };
  return tier;
}

/** Why the plain kernel computed instead of this tier. */
function reasonOfPlain(args: readonly unknown[]): string {
  if (args.some(isFloat64)) return "float64";
  return worthIt(...args.filter((a) => a instanceof Float32Array)) ? "not covered" : "small";
}

function isFloat64(argument: unknown): boolean {
  return argument instanceof Float64Array;
}
