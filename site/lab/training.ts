/**
 * One network of the page, trained as any user of the library would train it: `fit`, and an `onStep` that measures and waits for
 * leave to go on. What is read off the network on the way is in readings.ts; when, in glances.ts.
 */
import {
  accuracy,
  type Batches,
  type Dataset,
  type FlowRecorder,
  type FlowRow,
  fingerprint,
  fit,
  flowRecorder,
  type ImageBatch,
  type Normalization,
  type ResNet,
  type SGD,
  type Tensor,
  TrainingError,
  tensor,
  tierInUse,
} from "skipstone";
import {
  certificateRow,
  datasetOf,
  drawsInTraining,
  makeBatches,
  makeModel,
  makeOptimizer,
  networkRow,
  normalizationOf,
  normalized,
  picturesOf,
} from "./network.ts";
import type { CertificateRow, Images, NetworkRow } from "./protocol.ts";
import type { Event, Name, Run } from "./state.ts";

/** What a training is made from. */
export interface TrainingPlan {
  readonly run: Run;
  readonly side: Name;
  readonly train: Images;
  readonly test: Images;
  /** Which of the test images are shown. */
  readonly shown: readonly number[];
}

/** What is known of a step that was made. */
export interface StepDone {
  /** From 0. */
  readonly step: number;
  /** Of the step's batch, before the update. */
  readonly loss: number;
  readonly correct: number;
  readonly learningRate: number;
  readonly milliseconds: number;
  /** The norm of the gradient at each layer, where it was measured; a layer that a cut leaves out gets none: 0. */
  readonly norms: Float32Array | null;
  /** The update ratio of each layer's weight, where it was measured. */
  readonly ratios: Float32Array | null;
}

/** A picture that joins the batches. */
interface AddedPicture {
  readonly step: number;
  readonly picture: Float32Array;
  readonly label: number;
}

/** Every step is measured up to this one, so that the beginning is seen whole. */
const MEASURED_STEPS = 60;

/** From the first picture that is added on, one image of so many is one of those added. */
const ADDED_EVERY = 8;

/** How many measured steps the verdict is taken from. */
const STEADY_STEPS = 24;

/** A network in training. */
export class Training {
  readonly run: Run;
  readonly side: Name;
  readonly model: ResNet;
  readonly layers: readonly string[];
  readonly normalization: Normalization;
  readonly test: Dataset;
  /** Of the side of an image. */
  readonly pixels: number;
  /** The shown digits, and their classes. */
  readonly shown: Tensor;
  readonly shownLabels: readonly number[];
  /** The first images of the training set: the certificate and the shares are about them. */
  readonly sample: { readonly x: Tensor; readonly labels: Int32Array };
  /** Whether an instrument's pass in training mode would change the run. */
  readonly draws: boolean;
  /** Steps made so far. */
  step = 0;
  /** From step 60 on every so-manieth step is measured. */
  every = 1;
  /** Whether update ratios are measured at each measured step, not at each 10th. */
  watchRatios = false;
  /** Set to have the statistics of all layers at the next step: they are then in `statistics`. */
  wantStatistics = true;
  statistics: readonly FlowRow[] = [];
  readonly #optimizer: SGD;
  readonly #batches: Batches;
  readonly #events: Event[];
  readonly #added: AddedPicture[] = [];
  readonly #recentNorms: Float32Array[] = [];
  #imagesSinceAdded = 0;

  /** @throws ValueError for a network that the library does not make. */
  constructor({ run, side, train, test, shown }: TrainingPlan) {
    this.run = run;
    this.side = side;
    this.model = makeModel(run, run[side]);
    this.#optimizer = makeOptimizer(this.model, run, run[side]);
    const data = datasetOf(train, "training images");
    this.test = datasetOf(test, "test images");
    this.normalization = normalizationOf(data);
    this.#batches = makeBatches(data, this.normalization, run);
    this.pixels = train.pixels;
    this.#events = [...run.events];
    this.draws = drawsInTraining(run[side]);
    this.shown = this.pictures(picturesOf(test, shown));
    this.shownLabels = shown.map((place) => test.labels[place]);
    const first = Array.from({ length: Math.min(8, train.labels.length) }, (_, i) => i);
    this.sample = {
      x: this.pictures(picturesOf(train, first)),
      labels: Int32Array.from(first, (i) => train.labels[i]),
    };
    this.layers = this.network().layers;
  }

  network(): NetworkRow {
    return networkRow(this.model, this.pixels);
  }

  certificate(): CertificateRow {
    const size = this.pixels ** 2;
    const two = tensor(this.sample.x.data.slice(0, 2 * size), [2, 1, this.pixels, this.pixels]);
    return certificateRow(this.model, two);
  }

  /** Pictures of values 0 … 1 as the network gets them. */
  pictures(values: Float32Array): Tensor {
    return normalized(values, this.pixels, this.normalization);
  }

  /** One of the shown digits as a batch of one. */
  shownDigit(index: number): Tensor {
    const size = this.pixels ** 2;
    return tensor(this.shown.data.slice(index * size, (index + 1) * size), [1, 1, this.pixels, this.pixels]);
  }

  get learningRate(): number {
    return this.#optimizer.lr;
  }

  /** Bits of the weights, and which tier made them. */
  bits(): { fingerprint: string; tier: string } {
    return { fingerprint: fingerprint(this.model), tier: tierInUse().name };
  }

  /** Notes a change. It is made before its step; if that is over, before the next one. */
  plan(event: Event): void {
    this.#events.push(event);
  }

  /** From this step on (or the next one, if it is over) every 8th image is one of those added, one after the other. */
  add(step: number, picture: Float32Array, label: number): void {
    this.#added.push({ step, picture, label });
  }

  /**
   * Trains until `next` answers false. It is asked before each step, and told of each.
   *
   * @param next waits for leave to make this step.
   * @param changed called after a cut or a rejoining.
   * @throws TrainingError with the step, if the loss or a gradient is not a number any more.
   */
  async train(
    next: (step: number) => Promise<boolean>,
    tell: (done: StepDone) => void,
    changed: () => void,
  ): Promise<void> {
    const { norms, ratios, everything } = this.#recorders();
    const go = async (): Promise<boolean> => {
      const leave = await next(this.step);
      if (this.makeChanges()) changed();
      return leave;
    };
    const epochs = async (): Promise<void> => {
      if (!(await go())) return;
      let since = performance.now();
      // One `fit` for each epoch: the history that it keeps is then never long.
      for (let going = true; going; ) {
        const before = this.step;
        const epoch = fit(this.model, {
          data: () => this.#epoch(),
          optimizer: this.#optimizer,
          epochs: 1,
          metrics: { accuracy },
          onStep: async ({ loss, metrics, lr, grads }) => {
            const { step } = this;
            for (const recorder of [norms, ratios, everything]) recorder.onStep({ step, grads });
            this.#takeStatistics(everything, step);
            const milliseconds = performance.now() - since;
            this.step++;
            tell({
              ...{ step, loss, correct: metrics.accuracy, learningRate: lr, milliseconds },
              norms: this.#taken(norms, step, "gradientNorm"),
              ratios: this.#taken(ratios, step, "updateRatio"),
            });
            going = await go();
            since = performance.now();
            return going;
          },
        });
        await epoch.catch((error) => {
          throw error instanceof TrainingError
            ? new TrainingError(error.message, before + error.step, error.lr, error.reason)
            : error;
        });
      }
    };
    await norms.during(() => ratios.during(() => everything.during(epochs)));
  }

  /** The median norm at each layer over the last measured steps. */
  steadyNorms(): ReadonlyMap<string, number> {
    const rows = this.#recentNorms;
    if (rows.length === 0) return new Map();
    return new Map(
      this.layers.map((layer, i) => {
        const values = Float32Array.from(rows, (row) => row[i]).sort();
        return [layer, values[values.length >> 1]];
      }),
    );
  }

  /** Three recorders, each of which computes only what is asked of it, and only at its steps. */
  #recorders() {
    const measured = (step: number, every: number): boolean => step < MEASURED_STEPS || step % every === 0;
    const layers = this.layers;
    const keep = layers.length;
    return {
      norms: flowRecorder(this.model, {
        only: ["gradientNorm"],
        layers,
        keep,
        when: (step) => measured(step, this.every),
      }),
      ratios: flowRecorder(this.model, {
        only: ["updateRatio"],
        layers,
        keep,
        when: (step) => measured(step, this.every * (this.watchRatios ? 1 : 10)),
      }),
      everything: flowRecorder(this.model, { layers, keep, when: () => this.#takeWish() }),
    };
  }

  #takeWish(): boolean {
    const wish = this.wantStatistics;
    this.wantStatistics = false;
    return wish;
  }

  #takeStatistics(recorder: FlowRecorder, step: number): void {
    const rows = recorder.rows.filter((row) => row.step === step) as FlowRow[];
    if (rows.length > 0) this.statistics = rows;
  }

  /** One value per layer of this step; null if it was not measured. */
  #taken<K extends "gradientNorm" | "updateRatio">(
    recorder: FlowRecorder<K>,
    step: number,
    measure: K,
  ): Float32Array | null {
    const rows = recorder.rows.filter((row) => row.step === step);
    if (rows.length === 0) return null;
    const values = new Float32Array(this.layers.length);
    for (const row of rows) values[this.layers.indexOf(row.layer)] = row[measure] ?? 0;
    if (measure === "gradientNorm") {
      this.#recentNorms.push(values);
      if (this.#recentNorms.length > STEADY_STEPS) this.#recentNorms.shift();
    }
    return values;
  }

  /**
   * Makes the changes that are due before the next step; answers whether a block was cut or rejoined. Called before each step;
   * where the run waits, it may be called at once, so that they are seen.
   */
  makeChanges(): boolean {
    const due = this.#events.filter(({ step }) => step <= this.step);
    if (due.length === 0) return false;
    this.#events.splice(0, this.#events.length, ...this.#events.filter(({ step }) => step > this.step));
    let cut = false;
    const blocks = this.model.blocks().map(([, block]) => block);
    for (const { side, blocks: range, change } of due) {
      if (side !== "both" && side !== this.side) continue;
      if (change.kind === "rate") this.#optimizer.lr = change.value;
      else if (range) {
        for (const block of blocks.slice(range[0], range[1] + 1)) block.cut = change.part;
        cut = true;
      }
    }
    return cut;
  }

  /** The batches of one epoch, with the added pictures in their places. */
  *#epoch(): Generator<ImageBatch> {
    for (const batch of this.#batches) {
      const added = this.#added.filter(({ step }) => step <= this.step);
      yield added.length === 0 ? batch : this.#withAdded(batch, added);
    }
  }

  #withAdded({ x, labels }: ImageBatch, added: readonly AddedPicture[]): ImageBatch {
    const size = this.pixels ** 2;
    const data = Float32Array.from(x.data);
    const answers = labels.slice();
    for (let i = 0; i < answers.length; i++) {
      const count = ++this.#imagesSinceAdded;
      if (count % ADDED_EVERY !== 0) continue;
      const { picture, label } = added[(count / ADDED_EVERY - 1) % added.length];
      data.set(this.pictures(picture).data, i * size);
      answers[i] = label;
    }
    return { x: tensor(data, x.shape), labels: answers };
  }
}
