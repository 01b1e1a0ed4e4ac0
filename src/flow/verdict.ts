/**
 * A one-word judgement of the gradient flow, from statistics per layer.
 *
 * The rule compares ‖∂L/∂y‖ at each layer with ‖∂L/∂y‖ at the last one, where the gradient starts. Their ratio is the
 * factor by which the layers between have changed the gradient, the factor that vanishes or explodes (Bengio, Simard &
 * Frasconi 1994; Glorot & Bengio 2010). A gradient of exactly zero is another case: nothing arrives at all, however
 * large the learning rate. It says nothing about the network, though, if nobody asked for it (the layer is frozen) or
 * there is none (the loss does not depend on the layer).
 */
import { checkAboveZero } from "../tensor/arguments.ts";
import { checkOptions, describe, type OptionNames } from "../tensor/check.ts";
import { UsageError, ValueError } from "../tensor/errors.ts";
import type { FlowRow } from "./recorder.ts";
import type { LayerStatistics } from "./statistics.ts";

/** The judgement of `flowVerdict` on a layer, or on all. */
export type Health = "healthy" | "vanishing" | "exploding" | "dead" | "frozen" | "unused";

/** The ratios from which `flowVerdict` calls a gradient vanishing or exploding. */
export interface VerdictThresholds {
  /** A layer's gradient is vanishing if it is smaller than this fraction of the last layer's. Default 1e-3. */
  vanishing?: number;
  /**
   * It is exploding if it is larger than this many times the last layer's. Default 1e3: with batch norm, residual
   * networks of 110 layers reach some hundred, and train; plain ones reach 10⁶ to 10⁸, and do not.
   */
  exploding?: number;
}

const OPTIONS: OptionNames<VerdictThresholds> = { vanishing: true, exploding: true };

/** The judgement of `flowVerdict` on one layer. */
export interface LayerVerdict {
  readonly layer: string;
  /**
   * In this order: `exploding` if an activation or a gradient is NaN or infinite; `unused` if the loss does not depend
   * on the layer; `frozen` if it does not learn; `dead` if every unit is zero for the whole batch, or no gradient
   * arrives at all; `vanishing` and `exploding` by the ratio; else `healthy`.
   */
  readonly verdict: Health;
  /** ‖∂L/∂y‖ here divided by ‖∂L/∂y‖ at the last layer that has one. */
  readonly ratio: number;
}

/** What `flowVerdict` returns. */
export interface Verdict {
  /**
   * The network's, from the layers that learn. `dead` only if the first of them without a shortcut around it is: a
   * single zero branch (as in residual blocks whose last scale starts at zero) does not stop the flow, nor does a
   * weight that starts at zero and learns. Otherwise that of the worst layer that is not dead. `frozen` or `unused` if
   * no layer learns.
   */
  readonly verdict: Health;
  /** The verdict in words. */
  readonly reason: string;
  /** The deciding layer; in a healthy network the first one that learns. */
  readonly layer: string;
  /** That layer's ratio. */
  readonly ratio: number;
  readonly layers: readonly LayerVerdict[];
}

/**
 * Judges the rows of `layerStatistics`, or those of one step of a `flowRecorder`.
 *
 * @example
 * const rows = layerStatistics(model, () => crossEntropy(model.forward(images), labels));
 * flowVerdict(rows).verdict; // "healthy"
 *
 * @throws ValueError if there are no rows, if they are of several steps, or of a step that failed before there were
 * gradients; UsageError for anything but rows.
 */
export function flowVerdict(rows: readonly LayerStatistics[], thresholds: VerdictThresholds = {}): Verdict {
  checkOptions("flowVerdict", thresholds, OPTIONS);
  const { vanishing = 1e-3, exploding = 1e3 } = thresholds;
  for (const [name, value] of Object.entries({ vanishing, exploding })) {
    checkAboveZero("flowVerdict", name, value);
  }
  checkRows(rows);
  const start = rows.filter(carriesGradient).at(-1);
  const layers = rows.map((row): LayerVerdict => {
    const ratio = start ? row.gradientNorm / start.gradientNorm : 0;
    return { layer: row.layer, verdict: judge(row, ratio, vanishing, exploding), ratio };
  });
  const broken = firstNonFinite(rows);
  if (broken) return { ...layers[broken.at], reason: broken.reason, layers };
  if (rows.some(({ gradientNorm }) => Number.isNaN(gradientNorm))) {
    throw new ValueError("flowVerdict: the gradients are unknown, because the step failed: judge the one before");
  }
  const learning = layers.filter(({ verdict }) => verdict !== "frozen" && verdict !== "unused");
  if (learning.length === 0) {
    const { verdict, ...first } = layers.find(({ verdict }) => verdict === "frozen") ?? layers[0];
    return { verdict, ...first, reason: `no layer learns: ${notLearning(layers).join(", ")}`, layers };
  }
  const end = deadEnd(rows, layers);
  if (end !== undefined) {
    const what = isSilent(rows[end]) ? "nothing but zeros comes out of" : "no gradient arrives at";
    return { ...layers[end], verdict: "dead", reason: `${what} ${rows[end].layer}`, layers };
  }
  // The distance beyond the thresholds, on a log scale: above 0 is beyond one of them.
  const excess = ({ ratio }: LayerVerdict): number =>
    Math.max(Math.log(vanishing / ratio), Math.log(ratio / exploding));
  const flowing = learning.filter(({ verdict }) => verdict !== "dead");
  const worst = flowing
    .filter(({ verdict }) => verdict !== "healthy")
    .reduce<LayerVerdict>(
      (a, b) => (excess(b) > excess(a) ? b : a),
      flowing[0] ?? { layer: start!.layer, ratio: 1, verdict: "healthy" },
    );
  const times = `the gradient at ${worst.layer} is ${worst.ratio.toPrecision(2)} times that at ${start!.layer}`;
  const zero = learning.length - flowing.length;
  const others = zero > 0 ? [`${zero} of ${layers.length} layers are zero or get no gradient`] : [];
  return { ...worst, reason: [times, ...others, ...notLearning(layers)].join("; "), layers };
}

/** Whether the row's gradient was computed. */
function carriesGradient({ unused, frozen, gradientNorm }: LayerStatistics): boolean {
  return !unused && !(frozen && gradientNorm === 0);
}

function judge(row: LayerStatistics, ratio: number, vanishing: number, exploding: number): Health {
  if (row.activationNonFinite + row.gradientNonFinite > 0) return "exploding";
  if (row.unused) return "unused";
  if (row.frozen) return "frozen";
  if (isSilent(row) || row.unreachedUnits === row.units) return "dead";
  return ratio < vanishing ? "vanishing" : ratio > exploding ? "exploding" : "healthy";
}

/** Forward, a broken layer breaks those after it; backward, those before it. */
function firstNonFinite(rows: readonly LayerStatistics[]): { at: number; reason: string } | undefined {
  const forward = rows.findIndex((row) => row.activationNonFinite > 0);
  const at = forward >= 0 ? forward : rows.map((row) => row.gradientNonFinite > 0).lastIndexOf(true);
  if (at < 0) return undefined;
  const { activationNonFinite, gradientNonFinite, layer } = rows[at];
  const what = forward >= 0 ? `${activationNonFinite} activations` : `${gradientNonFinite} gradients`;
  return { at, reason: `${layer} is the first with NaN or infinities: ${what}` };
}

/** Index of the layer at which the whole flow ends; undefined if it does not. */
function deadEnd(rows: readonly LayerStatistics[], layers: readonly LayerVerdict[]): number | undefined {
  const isDead = (i: number): boolean => layers[i].verdict === "dead";
  // Zeros before everything else end it, whether or not the layer that makes them is frozen.
  const first = rows.findIndex(({ unused }) => !unused);
  if (!rows[first].bypassed && isSilent(rows[first])) return first;
  const learning = rows.flatMap((row, i) => (row.frozen || row.unused ? [] : [i]));
  const inEveryWay = learning.find((i) => !rows[i].bypassed);
  const end = learning.every(isDead) ? learning[0] : inEveryWay;
  if (end !== undefined && isDead(end)) return startsAtZero(rows.slice(end)) ? undefined : end;
  // After a frozen stem only the last layer may be on every way. Zeros in all blocks that none of their weights can
  // change also end it.
  const inBlocks = learning.filter((i) => rows[i].bypassed);
  return inBlocks.every((i) => isSilent(rows[i]) && rows[i].weightGradientNorm === 0) ? inBlocks[0] : undefined;
}

/** Whether every unit is zero for the whole batch. */
function isSilent({ deadUnits, units }: LayerStatistics): boolean {
  return deadUnits === units;
}

/** Whether the gradient ends at a weight that is zero and learns, as Fixup's classifier in the first step only. */
function startsAtZero(rows: readonly LayerStatistics[]): boolean {
  const end = rows.find(({ gradientNorm }) => gradientNorm > 0);
  return end !== undefined && isSilent(end) && end.weightGradientNorm > 0;
}

/** `2 are frozen`, `1 is not used by the loss`; empty where every layer learns. */
function notLearning(layers: readonly LayerVerdict[]): string[] {
  const count = (health: Health): number => layers.filter(({ verdict }) => verdict === health).length;
  const are = (n: number): string => (n === 1 ? "1 is" : `${n} are`);
  const [frozen, unused] = [count("frozen"), count("unused")];
  return [
    ...(frozen > 0 ? [`${are(frozen)} frozen`] : []),
    ...(unused > 0 ? [`${are(unused)} not used by the loss`] : []),
  ];
}

function checkRows(rows: readonly LayerStatistics[]): void {
  if (!Array.isArray(rows)) {
    throw new UsageError(`flowVerdict: needs rows of layerStatistics or of a flowRecorder, got ${describe(rows)}`);
  }
  if (rows.length === 0) throw new ValueError("flowVerdict: there are no layers to judge");
  rows.forEach((row: Partial<FlowRow> | null, i) => {
    if (typeof row?.layer !== "string" || typeof row.gradientNorm !== "number" || typeof row.units !== "number") {
      throw new UsageError(`flowVerdict: rows[${i}] is not a row of layerStatistics or of a flowRecorder`);
    }
    if (row.step !== (rows[0] as Partial<FlowRow>).step) {
      throw new ValueError(
        `flowVerdict: rows of the steps ${(rows[0] as FlowRow).step} and ${row.step}: judge those of one step`,
      );
    }
  });
}
