/**
 * What the page and a worker say to each other. One worker trains one network; the page gives both the same credit, so that
 * they stay in step. Arrays of numbers are transferred, not copied.
 */
import type { Event, Name, Run } from "./state.ts";

/** Images of 8 bits, 0 … 255, `count` times pixels², and their classes. */
export interface Images {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
  readonly pixels: number;
}

/** A part of a network as the diagram shows it. */
export interface BlockRow {
  /** Such as layer2.5. */
  readonly path: string;
  /** 0, 1, 2. */
  readonly stage: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: number;
  /** Of the output. */
  readonly pixels: number;
  /** What the shortcut is: a name of ShortcutKind. */
  readonly shortcut: string;
  readonly order: string;
  /** Places of its convolutions in `NetworkRow.layers`. */
  readonly layers: readonly number[];
  readonly cut: "shortcut" | "branch" | "none";
}

/** A network as it is, read off the model. */
export interface NetworkRow {
  /** Convolutions of the trunk (no projections of shortcuts), image first: one point of the chart each. */
  readonly layers: readonly string[];
  readonly blocks: readonly BlockRow[];
  readonly parameters: number;
  /** Which kernels compute: "plain" or "simd", and how they round, as `tierInUse` says it. */
  readonly tier: string;
}

/** The certificate in the library's words. */
export interface CertificateRow {
  readonly holds: boolean;
  readonly summary: string;
  /** Of each block: what its shortcut does to the gradient (identity, selection, scale …) and the sentence why. */
  readonly blocks: readonly { readonly path: string; readonly kind: string; readonly reason: string }[];
  /** The least share of a gradient that all shortcuts together leave, if the network proves one; else null. */
  readonly product: number | null;
}

export type ToWorker =
  | {
      readonly type: "start";
      readonly run: Run;
      readonly side: Name;
      readonly train: Images;
      readonly test: Images;
      /** Which of the test images are shown. */
      readonly shown: readonly number[];
    }
  /** It may train the steps before `until`; the norms of every `every`-th step are measured, the same for both networks. */
  | { readonly type: "credit"; readonly until: number; readonly every: number }
  /** Asks for the bits of all weights as they are. */
  | { readonly type: "fingerprint"; readonly id: number }
  /** A change of the run, at a step that has not begun. */
  | { readonly type: "event"; readonly event: Event }
  /** What the page looks at: what is not looked at is not computed. */
  | {
      readonly type: "watch";
      readonly ratios: boolean;
      readonly shares: boolean;
      readonly block: number | null;
      readonly digit: number;
    }
  /** Classify a picture of the run's size, values 0 … 1; with `saliency` also where a change would change the answer. */
  | { readonly type: "read"; readonly id: number; readonly picture: Float32Array; readonly saliency: boolean }
  /** Put a picture into the batches: every 8th image from this step on is one of those added. */
  | { readonly type: "add"; readonly step: number; readonly picture: Float32Array; readonly label: number }
  | { readonly type: "save"; readonly id: number; readonly format: "safetensors" | "onnx" }
  | { readonly type: "load"; readonly id: number; readonly bytes: Uint8Array };

export type ToPage =
  | { readonly type: "ready"; readonly network: NetworkRow; readonly certificate: CertificateRow }
  /**
   * What happened since the last message, up to `step` steps done. `steps`: of each step `STEP.length` numbers. `rows`: of each
   * measured step its number (from 0) and the norm of the gradient at each layer. `ratios`: the same with the update ratio
   * ‖Δw‖/‖w‖ of each layer's weight, of each 10th measured step, if watched.
   */
  | {
      readonly type: "rows";
      readonly step: number;
      readonly steps: Float32Array;
      readonly rows: Float32Array;
      readonly ratios: Float32Array;
    }
  | {
      readonly type: "tested";
      readonly step: number;
      readonly accuracy: number;
      /** How many test images were read. */
      readonly images: number;
      /** `shown.length` times the probabilities of the classes. */
      readonly shown: Float32Array;
      readonly verdict: { readonly health: string; readonly sentence: string };
    }
  /** The share of the gradient at each block's output that reaches its input over the shortcut, 0 … 1; NaN: none reaches it. */
  | { readonly type: "shares"; readonly step: number; readonly shares: Float32Array }
  | { readonly type: "block"; readonly step: number; readonly block: BlockDetail }
  | { readonly type: "changed"; readonly network: NetworkRow; readonly certificate: CertificateRow }
  | {
      readonly type: "answer";
      readonly id: number;
      readonly probabilities: Float32Array;
      readonly saliency: Float32Array | null;
    }
  | { readonly type: "saved"; readonly id: number; readonly bytes: Uint8Array; readonly name: string }
  | { readonly type: "loaded"; readonly id: number; readonly error: string | null }
  /** Bits of all weights after `step` steps: eight hexadecimal digits; and the tier that computed them. */
  | {
      readonly type: "fingerprint";
      readonly id: number;
      readonly step: number;
      readonly fingerprint: string;
      readonly tier: string;
    }
  /** Reading or saving that failed, in words. */
  | { readonly type: "refused"; readonly id: number; readonly error: string }
  /** The training has ended for good, such as at a loss that is not a number; reading and saving go on. */
  | { readonly type: "failed"; readonly step: number; readonly message: string };

/** What is known of each step: loss and share of correct answers of its batch (before the update), rate, time. */
export const STEP = { step: 0, loss: 1, correct: 2, learningRate: 3, milliseconds: 4, length: 5 } as const;

/** A block from inside, for one of the shown digits. Tiles are square pictures, one after the other. */
export interface BlockDetail {
  readonly index: number;
  readonly path: string;
  readonly filters: Tiles;
  readonly activations: Tiles;
  readonly gradients: Tiles;
  readonly share: number;
  readonly updateRatios: readonly number[];
  /** Test accuracy with and without this block's branch; null where it cannot be left out. */
  readonly lesion: { readonly whole: number; readonly without: number } | null;
}

export interface Tiles {
  readonly side: number;
  readonly count: number;
  readonly values: Float32Array;
}
