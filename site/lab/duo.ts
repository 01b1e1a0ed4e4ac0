/**
 * Two networks in step: the page's side of the workers. Draws nothing. Here is what the page may ask and hears; pair.ts does it,
 * with a rival.ts for each network.
 */

import { Pair } from "./pair.ts";
import type { BlockDetail, CertificateRow, Images, NetworkRow, ToPage, ToWorker } from "./protocol.ts";
import type { Event, Name, Pace, Run } from "./state.ts";
import type { Store } from "./store.ts";

/** As much of a Worker as is needed. */
export interface WorkerLike {
  postMessage(message: ToWorker, transfer?: ArrayBuffer[]): void;
  terminate(): void;
  onmessage: ((event: { readonly data: ToPage }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
}

/** What a run is trained and tested with. */
export interface RunImages {
  readonly train: Images;
  readonly test: Images;
  /** Which of the test images are shown, twelve. */
  readonly shown: readonly number[];
}

/** Options of `createDuo`. */
export interface DuoOptions {
  /** Gives the images of a run (and keeps them: it is asked at each start). */
  images(run: Pick<Run, "data" | "pixels">): Promise<RunImages>;
  /** Default: a module worker. Where that throws, or gives null, the page's own thread trains. */
  makeWorker?: () => WorkerLike | null;
  pace?: Pace;
}

/** Whether a run is going. `away`: paused because the tab is hidden. `done`: both networks have failed. */
export type Status = "idle" | "loading" | "running" | "paused" | "away" | "done" | "ended";

/** How a run begins. */
export interface StartOptions {
  /** It does not begin to train. Default false. */
  readonly paused?: boolean;
  /** It goes to this step, and pauses. */
  readonly target?: number;
  /** It goes to the target at the pace that is set. Default false: as fast as it can. */
  readonly paced?: boolean;
}

/** What a network says about a picture. */
export interface Answer {
  readonly probabilities: Float32Array;
  /** |∂(score of its answer)/∂pixel|, if asked for. */
  readonly saliency: Float32Array | null;
}

/** What the page looks at: what is not looked at is not computed. */
export interface Watch {
  readonly ratios: boolean;
  readonly shares: boolean;
  readonly block: number | null;
  /** Which of the shown digits goes through the chosen block. */
  readonly digit: number;
}

/** What a duo tells, by name. */
export interface DuoEvents {
  /** New networks are being made: stores are empty. */
  start: { readonly run: Run };
  /** A network is there (step 0). */
  ready: { readonly name: Name; readonly network: NetworkRow; readonly certificate: CertificateRow };
  /** A network's store has new rows. */
  rows: { readonly name: Name; readonly step: number };
  tested: { readonly name: Name } & Omit<Extract<ToPage, { type: "tested" }>, "type">;
  shares: { readonly name: Name; readonly step: number; readonly shares: Float32Array };
  block: { readonly name: Name; readonly step: number; readonly block: BlockDetail };
  /** After a cut or a rejoining, or when weights were loaded. */
  changed: { readonly name: Name; readonly network: NetworkRow; readonly certificate: CertificateRow };
  /** The training of this network has ended for good; the other goes on. */
  failed: { readonly name: Name; readonly step: number; readonly message: string };
  status: { readonly status: Status };
  /** The run has a new event: its address has changed. */
  event: { readonly event: Event; readonly run: Run };
  /** Something the reader should know, such as that the page trains in its own thread. */
  notice: { readonly message: string };
}

/** Two networks in step. */
export interface Duo {
  readonly run: Run | null;
  readonly status: Status;
  /** Steps that both have made: what all pictures show. */
  readonly step: number;
  /** Steps both make a second, lately; 0 while paused. */
  readonly speed: number;
  readonly stores: Readonly<Record<Name, Store | null>>;
  readonly networks: Readonly<Record<Name, NetworkRow | null>>;
  pace: Pace;
  on<K extends keyof DuoEvents>(type: K, listener: (event: DuoEvents[K]) => void): () => void;
  /**
   * Makes both networks anew. Resolves when they are there (or have failed). Rejects in words if there are no images.
   */
  start(run: Run, options?: StartOptions): Promise<void>;
  pause(): void;
  resume(): void;
  /** One step, then pause. */
  stepOnce(): void;
  /** The same run from the beginning, with its events: the same bits. */
  again(options?: { readonly paused?: boolean }): Promise<void>;
  /** Goes to this step, from the beginning if it is over, and pauses there. Resolves when both are there (or have failed). */
  goTo(step: number, options?: Pick<StartOptions, "paced">): Promise<void>;
  /** A change at the next step that neither has begun; returns it as it is in the log. */
  change(side: Event["side"], change: Event["change"], blocks?: Event["blocks"]): Event;
  watch(watch: Partial<Watch>): void;
  /** Both read a picture of the run's size, values 0 … 1. Rejects for a duo without a run. */
  read(picture: Float32Array, saliency: boolean): Promise<Readonly<Record<Name, Answer>>>;
  /** Puts a picture into the batches of both from the next step on. The run is then no longer what its address says. */
  add(picture: Float32Array, label: number): void;
  /** Whether pictures were added to this run. */
  readonly drawings: boolean;
  save(name: Name, format: "safetensors" | "onnx"): Promise<{ readonly bytes: Uint8Array; readonly name: string }>;
  /** Loads weights; rejects with the library's words. */
  load(name: Name, bytes: Uint8Array): Promise<void>;
  /** Pauses, and gives the bits of both networks: the tier's letter (s, p) and eight hexadecimal digits. */
  fingerprint(): Promise<{ readonly step: number; readonly fingerprint: string }>;
  /** The tab is hidden (the run pauses as "away") or seen again (it goes on, if it did before). */
  hidden(hidden: boolean): void;
  /** Ends the workers. A new `start` makes new ones. */
  end(): void;
}

/** A duo without a run. */
export function createDuo(options: DuoOptions): Duo {
  return new Pair(options);
}
