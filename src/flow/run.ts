/**
 * One forward pass of a model, recorded for its certificate: every call of a residual block, which leaves are
 * parameters, and the draws that were made. Buffers and generators are restored afterwards.
 */
import type { Module } from "../nn/module.ts";
import { residualBlocks } from "../resnet/index.ts";
import { checksum } from "../tensor/checksum.ts";
import { UsageError } from "../tensor/errors.ts";
import { callNow } from "../tensor/sync.ts";
import { peek, type Tensor } from "../tensor/tensor.ts";
import { type Call, type Entered, enteringBlocks } from "./blocks.ts";
import type { Certificate } from "./certificate.ts";
import { type Draw, watchingDraws } from "./draws.ts";
import { foundBlocks } from "./found-blocks.ts";
import { leafOf } from "./leaf.ts";
import { preservingBuffers, recordingFrozen } from "./preserve.ts";

export interface Run extends Omit<Entered, "calls"> {
  /** In the order in which they end. Without declared blocks: those found in the graph. */
  readonly calls: readonly Call[];
  /** The leaf passed to the model. */
  readonly input: Tensor;
  /** Tells which leaves are parameters. Frozen ones are; inputs of the model or a block are not. */
  readonly isParameter: (leaf: Tensor) => boolean;
  readonly draws: readonly Draw[];
}

/**
 * @param who the caller, for errors.
 * @param replay states for the generators to start from, in the order of their first draws. Default: their own.
 * @throws UsageError for a model that changes its input in place, or whose `forward` has not finished when it returns.
 */
export function recordRun(who: string, model: Module, x: Tensor, replay: readonly Draw[] = []): Run {
  const leaf = leafOf(x);
  const before = peek(x).slice();
  const { value, draws } = watchingDraws(
    () =>
      preservingBuffers(model, () =>
        recordingFrozen(model, () => enteringBlocks(model, () => callNow(who, "forward", () => model.forward(leaf)))),
      ),
    replay,
  );
  if (peek(x).some((v, i) => !Object.is(v, before[i]))) {
    x.assign(before);
    throw new UsageError(
      `${who}: the ${model.constructor.name} changes its input in place: work on a copy in its forward`,
    );
  }
  const parameters = new Set(model.parameters());
  const isParameter = (t: Tensor): boolean =>
    parameters.has(t) || (t.requiresGrad && t !== leaf && !value.entrances.has(t));
  if (residualBlocks(model).length > 0) return { ...value, input: leaf, isParameter, draws };
  const calls = foundBlocks(leaf, value.outputs, namesOf(model));
  return { ...value, calls, first: calls[0]?.x ?? null, input: leaf, isParameter, draws };
}

function namesOf(model: Module): ReadonlyMap<Tensor, string> {
  return new Map(Object.entries(model.stateDict()).map(([name, t]) => [t, name]));
}

/** A certificate's description of its subject. */
export function subjectOf(
  model: Module,
  x: Tensor,
  { draws }: Run,
): Pick<Certificate, "model" | "mode" | "input" | "weights" | "draws"> {
  return {
    model: model.constructor.name,
    mode: model.training ? "training" : "evaluation",
    input: checksum([["x", x]]),
    weights: checksum(Object.entries(model.stateDict())),
    draws,
  };
}
