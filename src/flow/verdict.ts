/**
 * What statistics per layer say about the flow of gradients, in one word.
 *
 * The rule compares ‖∂L/∂y‖ at each layer with ‖∂L/∂y‖ at the last one, where the gradient starts: their ratio is what is
 * left of the gradient after its way through the layers between, the factor that vanishes or explodes (Bengio, Simard &
 * Frasconi 1994; Glorot & Bengio 2010). A gradient of exactly zero is another case: nothing arrives at all, however large the
 * learning rate.
 */
import { ValueError } from "../tensor/errors.ts";
import type { LayerStatistics } from "./statistics.ts";

export type Health = "healthy" | "vanishing" | "exploding" | "dead";

export interface VerdictThresholds {
  /** A layer whose gradient is smaller than this fraction of the last layer's has a vanishing one. Default 1e-3. */
  vanishing?: number;
  /**
   * One whose gradient is larger than so many times the last layer's has an exploding one. Default 1e3: with batch norm
   * residual networks of 110 layers reach some hundred, and train; plain ones reach 10⁶ to 10⁸, and do not.
   */
  exploding?: number;
}

export interface LayerVerdict {
  readonly layer: string;
  /**
   * In this order: `exploding` where an activation or a gradient is NaN or infinite; `dead` where every unit is zero for the
   * whole batch, or no gradient at all arrives; `vanishing` and `exploding` by the ratio; else `healthy`.
   */
  readonly verdict: Health;
  /** ‖∂L/∂y‖ here over ‖∂L/∂y‖ at the last layer. */
  readonly ratio: number;
}

export interface Verdict {
  /**
   * Of the network. `dead` only if its first layer is: a single branch that is zero (as those of residual blocks whose last
   * scale starts at zero) does not stop the flow. Otherwise that of the worst layer which is not dead.
   */
  readonly verdict: Health;
  /** The verdict in words. */
  readonly reason: string;
  /** The layer that decided; the first one where the network is healthy. */
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
 * @throws ValueError if there are no rows.
 */
export function flowVerdict(
  rows: readonly LayerStatistics[],
  { vanishing = 1e-3, exploding = 1e3 }: VerdictThresholds = {},
): Verdict {
  if (rows.length === 0) throw new ValueError("flowVerdict: there are no layers to judge");
  const last = rows[rows.length - 1].gradientNorm;
  const layers = rows.map((row): LayerVerdict => {
    const ratio = row.gradientNorm / last;
    const verdict =
      row.activationNonFinite + row.gradientNonFinite > 0
        ? "exploding"
        : row.deadUnits === row.units || row.unreachedUnits === row.units
          ? "dead"
          : ratio < vanishing
            ? "vanishing"
            : ratio > exploding
              ? "exploding"
              : "healthy";
    return { layer: row.layer, verdict, ratio };
  });
  // Forward, what is broken breaks the layers behind it; backward, those in front of it.
  const forward = rows.findIndex((row) => row.activationNonFinite > 0);
  const broken = forward >= 0 ? forward : rows.map((row) => row.gradientNonFinite > 0).lastIndexOf(true);
  if (broken >= 0) {
    const { activationNonFinite, gradientNonFinite, layer } = rows[broken];
    const what = forward >= 0 ? `${activationNonFinite} activations` : `${gradientNonFinite} gradients`;
    return { ...layers[broken], reason: `${layer} is the first with NaN or infinities: ${what}`, layers };
  }
  const [first] = rows;
  if (layers[0].verdict === "dead") {
    const zero = first.unreachedUnits === first.units ? "no gradient arrives at" : "nothing but zeros comes out of";
    return { ...layers[0], reason: `${zero} ${first.layer}`, layers };
  }
  // How far from the thresholds, on a log scale: above 0 is beyond one of them.
  const excess = ({ ratio }: LayerVerdict): number =>
    Math.max(Math.log(vanishing / ratio), Math.log(ratio / exploding));
  const worst = layers
    .filter(({ verdict }) => verdict === "vanishing" || verdict === "exploding")
    .reduce<LayerVerdict>((a, b) => (excess(b) > excess(a) ? b : a), layers[0]);
  const times = `the gradient at ${worst.layer} is ${worst.ratio.toPrecision(2)} times that at ${rows[rows.length - 1].layer}`;
  const dead = layers.filter(({ verdict }) => verdict === "dead").length;
  const others = dead > 0 ? `; ${dead} of ${layers.length} layers are zero or get no gradient` : "";
  return { ...worst, reason: times + others, layers };
}
