/**
 * Runs every case of one golden family: outputs, and gradients of the given upstream, each within its own tolerance.
 *
 * A family's test names one runner per operation. Cases without a runner are skipped and say so: the table printed after
 * the last case lists how many passed, and every skipped one with its reason. Nothing is left out silently.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backward } from "../../src/autograd/backward.ts";
import { needsGrad } from "../../src/autograd/graph.ts";
import type { TierInUse } from "../../src/tensor/kernels.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { useKernels } from "../../src/tensor/tier.ts";
import {
  type Attributes,
  disagreement,
  type GoldenCase,
  type GoldenFile,
  inputIntegers,
  inputTensor,
  readGolden,
} from "./golden.ts";

/** A tensor, or whole numbers with a shape (an argmax). */
export type Values = Tensor | { readonly data: ArrayLike<number>; readonly shape: readonly number[] };

/** What a runner gets: the case, decoded. */
export interface GoldenArguments {
  readonly case: GoldenCase;
  readonly file: GoldenFile;
  readonly attrs: Attributes;
  /** Input `name`; it requires gradients if the case lists its gradient. Throws for an unknown name. */
  readonly input: (name: string) => Tensor;
  /** Input `name`, or null where the case does not have it (a convolution without bias). */
  readonly optional: (name: string) => Tensor | null;
  /** Input `name` as whole numbers: labels, indices. */
  readonly integers: (name: string) => Int32Array;
}

export interface GoldenResult {
  /** Results by the names the case gives them; one tensor alone is `y`. */
  readonly outputs: Readonly<Record<string, Values>>;
  /** Gradients by the case's names. Default: `outputs.y` is differentiated, with `grad_outputs.y` as upstream. */
  readonly gradients?: Readonly<Record<string, Values>>;
  /** Tensors to differentiate that are not inputs (a model's parameters), by the names in `grads`. */
  readonly parameters?: Readonly<Record<string, Tensor>>;
  /** What the runner found by comparing everything itself, for references of another form (norms of a whole model). */
  readonly disagreements?: readonly string[];
}

export type GoldenRun = (c: GoldenArguments) => Tensor | GoldenResult;

export interface GoldenFamilyOptions {
  /** By operation (`case.op`), one function that computes the case. */
  readonly run: Readonly<Record<string, GoldenRun>>;
  /** Reasons by case name or operation, for what is left to another test or not built yet. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** Declares one vitest test per case and tier, and prints the table when they have run. */
export function goldenFamily(family: string, { run, skip = {} }: GoldenFamilyOptions): void {
  const file = readGolden(family);
  describe.each(["plain", "simd"] as const)(`golden ${family} (%s)`, (tier) => {
    let passed = 0;
    const skipped = new Map<string, string[]>();
    let before: TierInUse;
    beforeAll(() => {
      before = useKernels(tier);
    });

    for (const c of file.cases) {
      const runner = Object.hasOwn(run, c.op) ? run[c.op] : undefined;
      const reason = skip[c.name] ?? skip[c.op] ?? (runner ? undefined : `no runner for operation ${c.op}`);
      const name = `${c.name}${c.convention ? " (convention)" : ""}`;
      if (reason !== undefined || !runner) {
        skipped.set(reason!, [...(skipped.get(reason!) ?? []), c.name]);
        it.skip(`${name}: ${reason}`, () => {});
        continue;
      }
      it(name, () => {
        if (c.expect_error) expect(() => runner(argumentsOf(c, file)), `${c.op} must refuse`).toThrow();
        else expect(goldenDisagreements(c, file, runner)).toEqual([]);
        passed++;
      });
    }

    it("has no reason for a case that does not exist", () => {
      const known = new Set(file.cases.flatMap((c) => [c.name, c.op]));
      expect(Object.keys(skip).filter((name) => !known.has(name))).toEqual([]);
    });

    afterAll(() => {
      useKernels(before);
      const reasons = [...skipped].map(
        ([reason, names]) => `\n    ${names.length} skipped, ${reason}: ${names.join(", ")}`,
      );
      console.log(`golden ${family} (${tier}): ${passed} of ${file.cases.length} passed${reasons.join("")}`);
    });
  });
}

function argumentsOf(c: GoldenCase, file: GoldenFile): GoldenArguments {
  const decoded = new Map<string, Tensor>();
  const optional = (name: string): Tensor | null => {
    const stored = c.inputs[name];
    if (!stored) return null;
    // One tensor per name, so that gradients are found whichever way the runner asks for it.
    if (!decoded.has(name))
      decoded.set(name, inputTensor(stored, c.grads !== undefined && Object.hasOwn(c.grads, name)));
    return decoded.get(name)!;
  };
  const input = (name: string): Tensor => {
    const t = optional(name);
    if (!t) throw new Error(`golden: ${c.name} has no input ${name}`);
    return t;
  };
  return { case: c, file, attrs: c.attrs, input, optional, integers: (name) => inputIntegers(c.inputs[name]) };
}

/** Everything in which the runner's results differ from the case's references, in words; empty if nothing does. */
export function goldenDisagreements(c: GoldenCase, file: GoldenFile, runner: GoldenRun): string[] {
  const given = argumentsOf(c, file);
  const returned = runner(given);
  if (!(returned instanceof Tensor) && returned.disagreements) return [...returned.disagreements];
  const {
    outputs,
    gradients,
    parameters = {},
  } = returned instanceof Tensor ? { outputs: { y: returned } as Record<string, Values> } : (returned as GoldenResult);

  const found = compare("output", outputs, c.outputs ?? {});
  if (!c.grads || Object.keys(c.grads).length === 0) return found;
  if (gradients) return [...found, ...compare("gradient", gradients, c.grads)];

  const y = outputs.y;
  if (!(y instanceof Tensor) || !needsGrad(y)) return [...found, "output y was not recorded, so it has no gradients"];
  const upstream = c.grad_outputs?.y;
  const grads = backward(y, upstream ? { gradient: inputTensor(upstream) } : {});
  const got: Record<string, Values> = {};
  for (const name of Object.keys(c.grads)) {
    const x = Object.hasOwn(parameters, name) ? parameters[name] : given.input(name);
    if (grads.has(x)) got[name] = grads.get(x);
  }
  return [...found, ...compare("gradient", got, c.grads)];
}

function compare(
  kind: string,
  got: Readonly<Record<string, Values>>,
  references: NonNullable<GoldenCase["outputs"]>,
): string[] {
  return Object.entries(references).flatMap(([name, reference]) => {
    if (!Object.hasOwn(got, name)) return [`${kind} ${name} is missing`];
    const difference = disagreement(got[name].data, got[name].shape, reference);
    return difference === undefined ? [] : [`${kind} ${name}: ${difference}`];
  });
}
