/**
 * The identity-path certificate: a proof, for a given network and input, that gradients flow through the skip connections.
 *
 * **Definition.** Between a block's input x and its output y the recorded graph splits the Jacobian into J = W + R. W sums over
 * all paths from x to y that consist of *weightless* edges only, edges whose linear map depends on no parameter: additions,
 * moved entries, constant factors, masks as they are at this input, products with what no parameter has a part in. R sums over
 * all other paths. A tensor depends on a parameter if it is a leaf that asks for a gradient (or a frozen parameter of the
 * model), or was computed from one on a way that does not go through x.
 *
 * **Claimed** is what W is, for each block and for the whole way through all of them: the identity; a selection of entries, none
 * twice; a mask at this input; a scale; another map; zero. `holds` says that it is the identity or a selection: then
 * ∂L/∂x = Wᵀ∂L/∂y + Rᵀ∂L/∂y has the entries of ∂L/∂y themselves as a summand (He et al. 2016, eq. 5, the "1"), whatever the
 * weights are. Along all shortcuts W multiplies: with constant scaling λ it is λ^L (eq. 8). **Not claimed** is that R does not
 * take it back: docs/theory.md says what follows and what does not.
 *
 * **Proof.** W is computed twice: from the maps of the operations, written down (edge-maps.ts), and by sending random and basis
 * vectors back through the operations' own derivatives in float64 (weightless.ts). Where the two differ, or a map is not
 * written down, W is undecided and nothing holds. A third check holds ∂L/∂x, as `backward` computes it, against the sum of
 * both parts. Next: certify.ts, which makes one; verify.ts, which trusts none of it and looks again; certificate-text.ts (the words).
 */
import type { Draw } from "./draws.ts";
import type { PathStep } from "./path.ts";

/**
 * What W is, or where it is zero for want of a weightless way, what the least harmful way does.
 *
 * - `identity`: W = I.
 * - `selection`: entries of ∂L/∂y pass unchanged, each to an entry of its own, or are lost, whatever the values are.
 * - `mask`: the same, but which ones depends on the values, or on what dropout drew (whose 1/(1 − p) belongs to it).
 * - `scale`: each entry goes to one of its own and is multiplied.
 * - `mixed`: any other map: entries are added up, or go to several places.
 * - `zero`: there are weightless ways, and together they pass nothing.
 * - `gate`, `transform`: no weightless way; the least harmful one is multiplied by a computed factor, or transformed by weights.
 * - `none`: nor an addition that joins a second way to the branch.
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

/** What a way back does to a gradient that takes it. */
export interface Passage {
  readonly verdict: ShortcutVerdict;
  /**
   * What every entry that passes is multiplied by: 1 on identities, selections and the masks of ReLUs, the product of all λ
   * where there are constant scales. Exact, or rounded to ten digits where float64 had to round. Null where it is not one
   * number for all. Where a mask shuts the only way, what it would be.
   */
  readonly factor: number | null;
  /** Whether W may be another one at another input: it has masks, or products of activations. */
  readonly onThisInput: boolean;
  /** How many weightless ways lead from x to y; to ten digits where there are more than 2⁵³. */
  readonly ways: number;
  /** Entries of y. */
  readonly sent: number;
  /** Of them, those whose gradient arrives at x, in whatever form; null where it is undecided. */
  readonly arriving: number | null;
  /** arriving/sent, from 0 to 1. */
  readonly open: number | null;
  /** ‖Wᵀg‖/‖g‖ for a random g, to six digits. */
  readonly gain: number;
  /** ‖what arrives‖/‖g‖ of the same g along `path` alone, to six digits: what passes a gate or a transformation. */
  readonly pathGain: number;
}

/** Jᵀg against its two parts, for a random g. */
export interface NumericCheck {
  /** Whether what `backward` computes is Wᵀg + Rᵀg within float32's rounding. */
  readonly agrees: boolean;
  /** Whether it is Wᵀg to the last bit, because Rᵀg is zero. */
  readonly bitExact: boolean;
  /** ‖Wᵀg‖ and ‖Rᵀg‖, to three digits. */
  readonly shortcutNorm: number;
  readonly branchNorm: number;
}

/** Why W is no identity: one entry of y, and where its gradient goes. */
export interface Counterexample {
  readonly entry: number;
  /** Entries of x, and by what it is multiplied there; at most four. None: it is lost. */
  readonly arrives: readonly { readonly entry: number; readonly factor: number }[];
  /** The step of `path` that does the most harm; null where none does any by itself. */
  readonly step: number | null;
}

/** What a certificate says of one block. */
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
  /** Null where W holds, and where it is undecided. */
  readonly counterexample: Counterexample | null;
  /** Null where the block's output was not computed from its input. */
  readonly numeric: NumericCheck | null;
}

/** One operation on a way. */
export type CertifiedStep = Pick<PathStep, "op" | "effect" | "factor" | "input">;

/** The whole way, and the blocks between which it leads: `layer1.0`, or `layer1.0 (call 2)`. */
export interface WholeWay extends Passage {
  readonly from: string;
  readonly to: string;
  /**
   * The block before or behind which the graph is cut, by a `detach`, under `noGrad`, by a constant; null where there is none.
   * Of the whole way nothing is claimed then.
   */
  readonly cut: string | null;
}

/** All of it can be written as JSON, and read again. As text (`${certificate}`) it is a table. */
export interface Certificate {
  readonly format: 2;
  /** Whether every block's certificate holds, and the whole way's. */
  readonly holds: boolean;
  /** One sentence on the whole network. */
  readonly summary: string;
  readonly blocks: readonly BlockCertificate[];
  /**
   * From the first block's input to the last one's output. Where blocks lie on several ways (two towers, two outputs), the
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
  /** The generators that drew random numbers, as they were before: the certificate is about this draw. */
  readonly draws: readonly Draw[];
}
