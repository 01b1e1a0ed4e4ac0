/**
 * The worker's side of the protocol: one training, which makes the steps it has credit for and answers between them. It knows
 * neither of workers nor of windows, so it runs in either (worker.ts, in-page.ts).
 */
import { TrainingError } from "skipstone";
import { Glances } from "./glances.ts";
import { STEP, type ToPage, type ToWorker } from "./protocol.ts";
import { readPicture } from "./readings.ts";
import { type StepDone, Training } from "./training.ts";

/** Sends a message; the arrays named are given away. */
export type Post = (message: ToPage, transfer?: ArrayBuffer[]) => void;

/** How often the page is told of steps, at most, in milliseconds; at once where the credit is used up. */
const TELL_EVERY = 16;

/** Waiting so long, the run is taken to be paused, and everything that is read is read again. In milliseconds. */
const IDLE_AFTER = 150;

/** What receives the page's messages. */
export interface Server {
  receive(message: ToWorker): void;
  /** Ends the training after the step it is at. */
  end(): void;
}

/**
 * Serves one training.
 *
 * @param turn waits until messages have had their turn: after each step.
 */
export function serve(post: Post, turn: () => Promise<void>): Server {
  return new Serving(post, turn);
}

class Serving implements Server {
  readonly #post: Post;
  readonly #turn: () => Promise<void>;
  #training: Training | null = null;
  #glances: Glances | null = null;
  #until = 0;
  #ended = false;
  #wake: (() => void) | null = null;
  #steps: number[] = [];
  #rows: number[] = [];
  #ratios: number[] = [];
  #told = 0;
  /** One thing at a time: readings and files wait for each other, since some of them wait for the system. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(post: Post, turn: () => Promise<void>) {
    this.#post = post;
    this.#turn = turn;
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  receive(message: ToWorker): void {
    if (message.type === "start") {
      void this.#start(message);
      return;
    }
    const [training, glances] = [this.#training, this.#glances];
    if (!training || !glances) {
      if ("id" in message) this.#post({ type: "refused", id: message.id, error: "There is no network yet." });
      return;
    }
    switch (message.type) {
      case "credit":
        this.#until = message.until;
        training.every = message.every;
        break;
      case "event":
        training.plan(message.event);
        break;
      case "watch":
        training.watchRatios = message.ratios;
        glances.watch(message);
        break;
      case "add":
        training.add(message.step, message.picture, message.label);
        break;
      default:
        void this.#answer(message, training, glances);
    }
    this.#wake?.();
  }

  async #start(plan: Extract<ToWorker, { type: "start" }>): Promise<void> {
    try {
      const training = new Training(plan);
      this.#training = training;
      this.#glances = new Glances(training, this.#post);
      const certificate = training.certificate();
      this.#post({ type: "ready", network: training.network(), certificate });
      await training.train(
        (step) => this.#next(step),
        (done) => this.#done(done),
        () => this.#changed(training),
      );
    } catch (error) {
      this.#flush();
      this.#post({ type: "failed", step: this.#training?.step ?? 0, message: failureInWords(error) });
      await this.#idle(false);
    }
  }

  /** Waits for leave to make this step; between two steps messages and readings have their turn. */
  async #next(step: number): Promise<boolean> {
    if (step > 0) {
      await this.#turn();
      await this.#alone(() => this.#glances!.look(false));
    }
    if (this.#until <= step && !this.#ended) {
      this.#flush();
      await this.#idle(true, step);
    }
    await this.#busy;
    return !this.#ended;
  }

  /** Waits for credit; once the run is taken to be paused, reads what is not of this step. */
  async #idle(forCredit: boolean, step = 0): Promise<void> {
    let quiet = false;
    while (!this.#ended && !(forCredit && this.#until > step)) {
      if (quiet && (await this.#alone(() => this.#glances?.look(true) ?? Promise.resolve(false)))) {
        await this.#turn();
        continue;
      }
      const done = quiet;
      quiet = await new Promise<boolean>((resolve) => {
        const timer = done ? undefined : setTimeout(() => resolve(true), IDLE_AFTER);
        this.#wake = () => {
          clearTimeout(timer);
          resolve(false);
        };
      });
      this.#wake = null;
      if (forCredit && this.#training!.makeChanges()) this.#changed(this.#training!);
    }
  }

  #alone<T>(fn: () => Promise<T>): Promise<T> {
    const result = this.#busy.then(fn);
    this.#busy = result.catch(() => {});
    return result;
  }

  #done({ step, loss, correct, learningRate, milliseconds, norms, ratios }: StepDone): void {
    const values = new Array<number>(STEP.length);
    values[STEP.step] = step;
    values[STEP.loss] = loss;
    values[STEP.correct] = correct;
    values[STEP.learningRate] = learningRate;
    values[STEP.milliseconds] = milliseconds;
    this.#steps.push(...values);
    if (norms) this.#rows.push(step, ...norms);
    if (ratios) {
      this.#ratios.push(step, ...ratios);
      this.#glances!.noteRatios(ratios);
    }
    if (performance.now() - this.#told >= TELL_EVERY) this.#flush();
  }

  #flush(): void {
    this.#told = performance.now();
    if (this.#steps.length === 0) return;
    const [steps, rows, ratios] = [this.#steps, this.#rows, this.#ratios].map((list) => Float32Array.from(list));
    this.#steps = [];
    this.#rows = [];
    this.#ratios = [];
    const step = steps[steps.length - STEP.length + STEP.step] + 1;
    this.#post({ type: "rows", step, steps, rows, ratios }, [steps.buffer, rows.buffer, ratios.buffer]);
  }

  #changed(training: Training): void {
    this.#flush();
    this.#glances!.forget();
    this.#post({ type: "changed", network: training.network(), certificate: training.certificate() });
  }

  async #answer(
    message: Extract<ToWorker, { type: "read" | "save" | "load" | "fingerprint" }>,
    training: Training,
    glances: Glances,
  ): Promise<void> {
    const { id } = message;
    try {
      await this.#alone(async () => {
        if (message.type === "read") {
          const answer = readPicture(training.model, training.pictures(message.picture), message.saliency);
          this.#post({ type: "answer", id, ...answer });
        } else if (message.type === "fingerprint") {
          const { fingerprint, tier } = training.bits();
          this.#post({ type: "fingerprint", id, step: training.step, fingerprint, tier });
        } else if (message.type === "save") {
          const { save } = await import("./files.ts");
          const { bytes, name } = save(training.model, message.format, training.pixels);
          this.#post({ type: "saved", id, bytes, name }, [bytes.buffer]);
        } else {
          const { load } = await import("./files.ts");
          load(training.model, message.bytes);
          glances.forget();
          this.#post({ type: "loaded", id, error: null });
          this.#changed(training);
        }
      });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#post(message.type === "load" ? { type: "loaded", id, error: text } : { type: "refused", id, error: text });
    }
  }
}

/** Why a training ended. */
function failureInWords(error: unknown): string {
  if (!(error instanceof TrainingError)) return error instanceof Error ? error.message : String(error);
  const what = /^the (loss|.*gradient.*) is (NaN|-?Infinity)/.exec(error.reason);
  const reason = what ? `the ${what[1]} is not a number any more` : error.reason;
  return `Stopped at step ${error.step}: ${reason}.`;
}
