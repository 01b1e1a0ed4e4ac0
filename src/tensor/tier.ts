/** Which kernels compute: a tier is chosen at the first call, or by name. */
import { describe } from "./check.ts";
import { UsageError } from "./errors.ts";
import type { ArrayKernels, Kernels, TierInUse } from "./kernels.ts";
import { currentStep, usePool } from "./memory.ts";
import { plainKernels } from "./plain/index.ts";
import { makeSimdKernels } from "./simd/index.ts";
import { warn } from "./warn.ts";

/** The tiers by name; "auto" is simd where the platform supports it, else plain. */
export type Tier = "auto" | "plain" | "simd";

/** The kernels in use: a live binding, read at each call. The initial kernels choose a tier when first called. */
export let kernels: Kernels = /* @__PURE__ */ choosingKernels();

/** A tier that computes on typed arrays, typed as operations call it. */
function onValues(tier: ArrayKernels): Kernels {
  return tier as unknown as Kernels;
}

/**
 * Which tier computes now, and how it rounds. Asking chooses nothing: before the first operation the answer is "auto".
 *
 * @example
 * useKernels("plain");
 * tierInUse().name; // "plain"
 */
export function tierInUse(): TierInUse {
  return kernels;
}

/**
 * Chooses the tier that computes from now on. Returns the previous one, which can be passed back in.
 *
 * @example
 * const before = useKernels("plain"); // without WebAssembly
 * tierInUse().name; // "plain"
 * useKernels(before);
 *
 * @throws UsageError for "simd" where the platform cannot run it, saying why; and inside a step.
 */
export function useKernels(tier: Tier | TierInUse): TierInUse {
  const previous = kernels;
  const next = typeof tier === "string" ? kernelsOfTier(tier) : (tier as Kernels);
  if (typeof (next as Partial<Kernels> | undefined)?.copyStrided !== "function") throw noTier(next);
  usePool(next.pool);
  kernels = next;
  return previous;
}

/**
 * Runs `fn` with `wrap(kernels)` in use, inside a step too. They must compute the same in the same memory.
 */
export function withKernels<T>(wrap: (tier: Kernels) => Kernels, fn: () => T): T {
  chooseKernels();
  const before = kernels;
  kernels = wrap(before);
  try {
    return fn();
  } finally {
    kernels = before;
  }
}

/** Chooses the tier now if no kernel has been called yet: before a step, whose tensors live in the tier's memory. */
export function chooseKernels(): void {
  if (kernels.name === "auto") useKernels("auto");
}

/**
 * Resolves when every kernel needed so far is compiled, or refused. Optional: only old browsers (Chromium before 2023,
 * on a page's main thread) compile larger kernels in the background. Until one is ready its plain twin computes, with
 * the same results within rounding. Run a first step, await this, and go on at full speed.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * noGrad(() => matmul(x, x)); // asks for the kernel
 * await ready();
 */
export async function ready(): Promise<void> {
  chooseKernels();
  await kernels.ready?.();
}

let simd: ArrayKernels | string | undefined;

/**
 * Gives back the memory of the SIMD kernels, which never shrinks: after steps that were far larger than the next ones. The
 * system has it once JavaScript's garbage is collected. The next kernels are compiled again, into a small memory.
 *
 * @example
 * releaseMemory(); // between two trainings, say
 *
 * @throws UsageError inside a step, whose tensors live there; and while several threads share the memory.
 */
export function releaseMemory(): void {
  if (currentStep()) {
    throw new UsageError(
      "releaseMemory: must be called between steps, not inside one, whose tensors live in the memory",
    );
  }
  if (shared) {
    throw new UsageError("releaseMemory: threads share the memory: await useThreads(1), which gives it back, too");
  }
  if (typeof simd !== "object") return;
  const next = makeSimdKernels();
  if (typeof next === "string") warn(`the memory of the SIMD kernels is kept: ${next}`);
  else replaceSimd(next, false);
}

/** Whether several threads share the memory of the SIMD tier. */
let shared = false;

/**
 * The SIMD tier is `next` from now on. Where another SIMD tier computes, or none has been chosen, so does this one.
 *
 * @param threads whether several threads share its memory.
 * @throws UsageError inside a step.
 */
export function replaceSimd(next: ArrayKernels, threads: boolean): void {
  if (kernels.name === "auto" || kernels.name === "simd") useKernels(onValues(next));
  simd = next;
  shared = threads;
}

/** Without this error, an unknown name would act like "auto". */
function noTier(got: unknown): UsageError {
  const what = 'takes "auto", "simd" or "plain", or what an earlier call returned';
  return new UsageError(`useKernels: ${what}, got ${describe(got)}`);
}

function kernelsOfTier(tier: Tier): Kernels {
  if (!["auto", "simd", "plain"].includes(tier)) throw noTier(tier);
  const plain = onValues(plainKernels);
  if (tier === "plain") return plain;
  const first = simd === undefined;
  simd ??= makeSimdKernels();
  if (typeof simd !== "string") return onValues(simd);
  if (tier === "simd") throw new UsageError(`useKernels: the SIMD tier is not available: ${simd}`);
  if (first) warn(`computing with plain TypeScript kernels, which is slower: ${simd}`);
  return plain;
}

/** Kernels whose first call chooses the tier. Importing the library decides nothing and compiles nothing. */
function choosingKernels(): Kernels {
  const names = Object.keys(plainKernels).filter((key) => key !== "name" && key !== "arithmetic") as Exclude<
    keyof Kernels,
    "name" | "arithmetic" | "pool" | "ready"
  >[];
  const choosing = Object.fromEntries(
    names.map((name) => [
      name,
      (...args: unknown[]) => {
        useKernels("auto");
        (kernels[name] as (...args: unknown[]) => void)(...args);
      },
    ]),
  );
  return { ...onValues(plainKernels), ...choosing, name: "auto" };
}
