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
import { type Cut, inParts, isArray } from "./parts.ts";
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

/** What each returns: whether it did the work. */
type FastKernels = {
  readonly [K in keyof ArrayKernels]?: ArrayKernels[K] extends (...args: infer Args) => void
    ? (engine: Engine, ...args: Args) => boolean
    : never;
};

const fastKernels = {
  binary,
  where,
  unary,
  unaryGradient,
  addScaled,
  copyStrided,
  reduce,
  gemm,
  conv2d,
  conv2dInputGradient,
  conv2dWeightGradient,
  maxPool2d,
  maxPool2dGradient,
  avgPool2d,
  avgPool2dGradient,
  resample,
  moments,
  normalize,
  normalizeGradient,
  normalizeReluGradient,
  softmax,
  logSoftmax,
  softmaxGradient,
  logSoftmaxGradient,
  sgd,
  adam,
  rmsprop,
} as const satisfies FastKernels;

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
      const bytes = args.reduce<number>((sum, a) => sum + (isArray(a) ? a.byteLength : 0), 0);
      const [arrays, room] = [bytes, engine.arena.room].map((size) => `${Math.ceil(size / 2 ** 20)} MiB`);
      warn(
        `a kernel's arrays of ${arrays} find no room in the ${room} that are free in the memory of the SIMD kernels, and cannot be cut: a plain kernel computes, which is slower`,
      );
    }
    toldOfRoom = true;
    return "no room in the memory";
  };
  const failed = (args: readonly unknown[]): void => {
    why = hadNoRoom(args);
  };
  /** `fast` where it can, whole or in parts, otherwise `plain`. */
  const orPlain =
    <Args extends readonly unknown[]>(
      fast: (engine: Engine, ...args: Args) => boolean,
      plain: (...args: Args) => void,
      cut: Cut<Args> | undefined,
    ): ((...args: Args) => void) =>
    (...args) => {
      engine.algorithm = null;
      engine.hadNoRoom = false;
      why = null;
      try {
        if (!args.some(isFloat64)) {
          if (!engine.arena.short && fast(engine, ...args)) return;
          if (engine.arena.short) {
            const parts = cut?.(args, engine);
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

  const own = Object.entries(fastKernels).map(([name, fast]) => {
    const kernel = name as keyof typeof fastKernels;
    // Of one kernel, which the types of a table cannot say.
    const [plain, cut] = [plainKernels[kernel], partsOf[kernel]] as unknown[] as [() => void, Cut<unknown[]>?];
    return [name, orPlain<unknown[]>(fast as () => boolean, plain, cut)];
  });
  return {
    ...plainKernels,
    ...Object.fromEntries(own),
    name: "simd",
    arithmetic: engine.features.multiplyAdd ? "fused" : "separate",
    pool: engine.arena,
    ready: () => engine.ready(),
    told: (kernel) => {
      const own = kernel in fastKernels;
      if (own && why === null) return { tier: "simd", algorithm: engine.algorithm, why };
      return { tier: "plain", algorithm: null, why: own ? why : "not covered" };
    },
  };
}

/** Why the plain kernel computed instead of this tier. */
function reasonOfPlain(args: readonly unknown[]): string {
  if (args.some(isFloat64)) return "float64";
  return worthIt(...args.filter((a) => a instanceof Float32Array)) ? "not covered" : "small";
}

function isFloat64(argument: unknown): boolean {
  return argument instanceof Float64Array;
}
