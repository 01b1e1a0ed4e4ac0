/**
 * The identity-path certificate: a proof, for a given network and input, that gradients flow through the skip connections.
 *
 * **Definition.** Between a block's input x and its output y the recorded graph splits the Jacobian into J = W + R. W
 * sums over all paths from x to y that consist only of *weightless* edges. The linear map of a weightless edge depends
 * on no parameter: additions, moved entries, constant factors, masks as they are at this input, products with tensors
 * that depend on no parameter. R sums over all other paths. A tensor depends on a parameter if it is a leaf that
 * requires a gradient (or a frozen parameter of the model), or was computed from one on a way that does not go through
 * x.
 *
 * **Claim.** W has one of these forms, for each block and for the whole way through all of them: the identity; a
 * selection of entries, none twice; a mask at this input; a scale; another map; zero. `holds` means that it is the
 * identity or a selection. Then ∂L/∂x = Wᵀ∂L/∂y + Rᵀ∂L/∂y has the entries of ∂L/∂y themselves as a summand (He et al.
 * 2016, eq. 5, the "1"), whatever the weights are. Along all shortcuts W multiplies: with constant scaling λ it is λ^L
 * (eq. 8). **No claim** is made that R does not cancel it: docs/theory.md says what follows and what does not.
 *
 * **Proof.** W is computed twice: from the written-down maps of the operations (edge-maps.ts), and by sending random
 * and basis vectors back through the operations' own derivatives in float64 (weightless.ts). If the two differ, or a
 * map is not written down, W is undecided and nothing holds. A third check compares ∂L/∂x, as `backward` computes it,
 * with the sum of both parts. Next: certify.ts, which makes one; verify.ts, which trusts none of it and checks again;
 * certificate-text.ts (the words).
 */
import type { Draw } from "./draws.ts";
import type { PathStep } from "./path.ts";

/**
 * The form of W; or, if it is zero for want of a weightless way, the effect of the least harmful way.
 *
 * - `identity`: W = I.
 * - `selection`: entries of ∂L/∂y pass unchanged, each to an entry of its own, or are lost, whatever the values are.
 * - `mask`: the same, but which ones depends on the values, or on dropout's draw (including its 1/(1 − p)).
 * - `scale`: each entry goes to one of its own and is multiplied.
 * - `mixed`: any other map: entries are added up, or go to several places.
 * - `zero`: there are weightless ways, but together they pass nothing.
 * - `gate`, `transform`: no weightless way; the least harmful one is multiplied by a computed factor, or transformed by weights.
 * - `none`: nor is there an addition that joins a second way to the branch.
 * - `undecided`: W is not known. Nothing is claimed.
 */
export type ShortcutVerdict =
  | "identity"
  | "selection"
  | "mask"
  | "scale"
  | "mixed"
  | "gate"
  | "transform"
  | "zero"
  | "none"
  | "undecided";

/** From harmless to harmful. */
export const VERDICTS: readonly ShortcutVerdict[] = [
  "identity",
  "selection",
  "mask",
  "scale",
  "mixed",
  "gate",
  "transform",
  "zero",
  "none",
  "undecided",
];

/** The effect of a way back on a gradient. */
export interface Passage {
  readonly verdict: ShortcutVerdict;
  /**
   * The factor of every entry that passes: 1 on identities, selections and the masks of ReLUs, the product of all λ
   * where there are constant scales. Exact, or rounded to ten digits where float64 had to round. Null if it is not one
   * number for all. Where a mask shuts the only way, the factor it would have.
   */
  readonly factor: number | null;
  /** Whether W may differ at another input: it has masks, or products of activations. */
  readonly onThisInput: boolean;
  /** How many weightless ways lead from x to y; rounded to ten digits above 2⁵³. */
  readonly ways: number;
  /** Entries of y. */
  readonly sent: number;
  /** Those whose gradient arrives at x, in whatever form; null if undecided. */
  readonly arriving: number | null;
  /** arriving/sent, from 0 to 1. */
  readonly open: number | null;
  /** ‖Wᵀg‖/‖g‖ for a random g, to six digits. */
  readonly gain: number;
  /**
   * ‖arriving part‖/‖g‖ for the same g along `path` alone, to six digits: how much passes a gate or a transformation.
   */
  readonly pathGain: number;
}

/** Jᵀg compared with its two parts, for a random g. */
export interface NumericCheck {
  /** Whether the result of `backward` is Wᵀg + Rᵀg within float32's rounding. */
  readonly agrees: boolean;
  /** Whether it is Wᵀg to the last bit, because Rᵀg is zero. */
  readonly bitExact: boolean;
  /** ‖Wᵀg‖ and ‖Rᵀg‖, to three digits. */
  readonly shortcutNorm: number;
  readonly branchNorm: number;
}

/** Why W is not the identity: one entry of y, and where its gradient goes. */
export interface Counterexample {
  readonly entry: number;
  /** Entries of x where it arrives, each with its factor; at most four. Empty: it is lost. */
  readonly arrives: readonly { readonly entry: number; readonly factor: number }[];
  /** The step of `path` that does the most harm; null if none does any by itself. */
  readonly step: number | null;
}

/** A certificate's statement about one block. */
export interface BlockCertificate extends Passage {
  /** Path of the block in the network: `layer1.0`. */
  readonly block: string;
  /** 1 for the first call of this block, 2 for the second, … */
  readonly call: number;
  /** Whether W is the identity or a selection, and both ways of computing it agree. */
  readonly holds: boolean;
  /** The verdict in words. */
  readonly reason: string;
  /** The operations on the least harmful way, from the block's output to its input. */
  readonly path: readonly CertifiedStep[];
  /** Null if W holds, or is undecided. */
  readonly counterexample: Counterexample | null;
  /** Null if the block's output was not computed from its input. */
  readonly numeric: NumericCheck | null;
}

/** One operation on a way. */
export type CertifiedStep = Pick<PathStep, "op" | "effect" | "factor" | "input">;

/** The whole way, and the blocks at its ends: `layer1.0`, or `layer1.0 (call 2)`. */
export interface WholeWay extends Passage {
  readonly from: string;
  readonly to: string;
  /**
   * The block before or after which a `detach`, `noGrad` or a constant cuts the graph; null if there is no cut. With a
   * cut nothing is claimed of the whole way.
   */
  readonly cut: string | null;
}

/** All of it can be written as JSON and read again. As text (`${certificate}`) it is a table. */
export interface Certificate {
  readonly format: 2;
  /** Whether every block's certificate holds, and the whole way's. */
  readonly holds: boolean;
  /** One sentence on the whole network. */
  readonly summary: string;
  readonly blocks: readonly BlockCertificate[];
  /**
   * From the first block's input to the last one's output. If blocks lie on several ways (two towers, two outputs), the
   * worst of them.
   */
  readonly whole: WholeWay;
  /** Class of the model. */
  readonly model: string;
  readonly mode: "training" | "evaluation";
  /** Seed of the random gradients. */
  readonly seed: number;
  /** Checksums of the input, and of parameters and buffers. */
  readonly input: string;
  readonly weights: string;
  /** The generators that drew random numbers, in their states before it: the certificate is about this draw. */
  readonly draws: readonly Draw[];
}
