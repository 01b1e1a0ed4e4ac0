/**
 * A loader that works ahead: a worker reads, decodes, augments and normalises the next batches while the training computes
 * with the present one. PyTorch's `DataLoader(num_workers=1, prefetch_factor=ahead)`. The worker's side: serve-batches.ts.
 */
import { checkRng, checkWhole } from "../tensor/arguments.ts";
import { checkOptions, type OptionNames } from "../tensor/check.ts";
import { Rng } from "../tensor/rng.ts";
import { WorkerError } from "./errors.ts";
import type { ImageBatch } from "./loader.ts";
import {
  type Answer,
  type Begin,
  checkPlace,
  type FromWorker,
  listen,
  type MessagePlace,
  onEvent,
  send,
  unpacked,
} from "./worker-messages.ts";

/** Options of `batchesFrom`. */
export interface BatchesFromOptions {
  /** How many batches may be ready before they are needed; each takes its memory. Default 2. */
  ahead?: number;
  /** The number of the pass, for the worker's source. Default 0. */
  epoch?: number;
  /** What the worker draws from: it advances here as if the batches were made here. Default: `new Rng(epoch)`, for each pass. */
  rng?: Rng;
}

const OPTIONS: OptionNames<BatchesFromOptions> = { ahead: true, epoch: true, rng: true };

/** Batches that a worker makes. Each iteration is one pass. */
export interface WorkerBatches<B> extends AsyncIterable<B> {
  /** What the worker draws from: `fit` puts its state into a checkpoint. */
  readonly generator?: Rng;
}

/**
 * The batches that a worker makes with `serveBatches`, for `fit` and `evaluate`: the same, in the same order, as if they were
 * made here with the same generator; a training resumes with them, too. An error there is thrown here. Leaving the loop ends
 * the work there. Several passes may use a worker at once.
 *
 * In Node, the worker does not keep the program running between passes; `worker.terminate()` frees its memory.
 *
 * @example
 * const { port1, port2 } = new MessageChannel(); // for a Worker and, in its module, parentPort or nothing
 * serveBatches(({ rng }) => batches(train, { batchSize: 2, rng, augment: randomCrop(4) }), port1);
 * await fit(model, { data: (epoch) => batchesFrom(port2, { epoch, rng }), optimizer, epochs: 2 });
 * port1.close();
 *
 * @throws UsageError unless `worker` is one; in the loop WorkerError for what fails there.
 */
export function batchesFrom<B = ImageBatch>(worker: MessagePlace, options: BatchesFromOptions = {}): WorkerBatches<B> {
  checkPlace("batchesFrom", "worker", worker, "a Worker, of a page or of node:worker_threads");
  checkOptions("batchesFrom", options, OPTIONS);
  const { ahead = 2, epoch = 0, rng } = options;
  checkWhole("batchesFrom", "ahead", ahead, 1);
  checkWhole("batchesFrom", "epoch", epoch, 0);
  if (rng !== undefined) checkRng("batchesFrom", rng);
  const connection = connectionTo(worker);
  return {
    ...(rng ? { generator: rng } : {}),
    async *[Symbol.asyncIterator]() {
      const { state, spare } = rng ?? new Rng(epoch);
      const pass = connection.begin({ epoch, rng: { state, spare }, ahead });
      try {
        for (;;) {
          const answer = await pass.next();
          if (answer.kind === "failed") throw new WorkerError(`batchesFrom: the worker failed: ${answer.reason}`);
          rng?.setState(answer.rng);
          if (answer.kind === "end") return;
          send(worker, { kind: "more", id: pass.id });
          yield unpacked(answer.batch) as B;
        }
      } finally {
        connection.end(pass);
      }
    },
  };
}

/** What has arrived of a pass and was not taken yet. */
class Pass {
  readonly id: number;
  readonly wish: Begin;
  /** Whether the worker has answered. */
  isHeard = false;
  readonly #answers: Answer[] = [];
  #wake: () => void = () => {};

  constructor(wish: Begin) {
    this.id = wish.id;
    this.wish = wish;
  }

  put(answer: Answer): void {
    this.isHeard = true;
    this.#answers.push(answer);
    this.#wake();
  }

  async next(): Promise<Answer> {
    while (this.#answers.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#answers.shift()!;
  }
}

/** In Node: whether the worker keeps the program running, and its number, −1 once it has ended. */
interface NodeWorker {
  ref?(): void;
  unref?(): void;
  readonly threadId?: number;
}

/** The passes that use a worker. */
class Connection {
  readonly #worker: MessagePlace & NodeWorker;
  readonly #passes = new Map<number, Pass>();
  #begun = 0;
  /** Why the worker has ended. */
  #failure: string | null = null;

  constructor(worker: MessagePlace & NodeWorker) {
    this.#worker = worker;
    listen<FromWorker>(worker, (message) => {
      if (message.kind === "ready") this.#repeat();
      else this.#passes.get(message.id)?.put(message);
    });
    onEvent(worker, "error", (event) =>
      this.#fail((event as { message?: string }).message ?? "its module was not loaded"),
    );
    // Of which pass it was is not known; the next ones have their own.
    onEvent(worker, "messageerror", () => this.#tellAll("a message could not be read"));
    onEvent(worker, "exit", (code) => this.#fail(`it has ended, exit code ${code}`));
    onEvent(worker, "close", () => this.#fail("its port was closed"));
    if (worker.threadId === -1) this.#failure = "it has ended";
    worker.unref?.();
  }

  begin(wish: Omit<Begin, "kind" | "id">): Pass {
    const pass = new Pass({ kind: "begin", id: ++this.#begun, ...wish });
    this.#passes.set(pass.id, pass);
    if (this.#failure !== null) this.#fail(this.#failure);
    else {
      this.#worker.ref?.();
      send(this.#worker, pass.wish);
    }
    return pass;
  }

  /** The worker listens only now: what it was asked for before, it may not have heard. */
  #repeat(): void {
    for (const pass of this.#passes.values()) if (!pass.isHeard) send(this.#worker, pass.wish);
  }

  end(pass: Pass): void {
    this.#passes.delete(pass.id);
    send(this.#worker, { kind: "end", id: pass.id });
    if (this.#passes.size === 0) this.#worker.unref?.();
  }

  #fail(reason: string): void {
    // The first reason is the cause of the others.
    this.#failure ??= reason;
    this.#tellAll(this.#failure);
  }

  #tellAll(reason: string): void {
    for (const pass of this.#passes.values()) pass.put({ kind: "failed", id: pass.id, reason });
  }
}

const connections = new WeakMap<object, Connection>();

function connectionTo(worker: MessagePlace): Connection {
  const known = connections.get(worker);
  if (known) return known;
  const made = new Connection(worker);
  connections.set(worker, made);
  return made;
}
