/** The worker's side of a loader that works ahead. The training's side, with an example of both: batches-from.ts. */
import { checkFunction } from "../tensor/arguments.ts";
import { describe } from "../tensor/check.ts";
import { UsageError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { type Begin, checkPlace, listen, type MessagePlace, packed, type Request, send } from "./worker-messages.ts";

/** A pass over the data, for which a worker is asked for batches. */
export interface BatchPass {
  /** As `batchesFrom` was given it; 0 where it was not. */
  readonly epoch: number;
  /** In the state of the training's generator; where that has none, `new Rng(epoch)`. */
  readonly rng: Rng;
}

/** Makes the batches of a pass: of any form that a message may have, as `batches` makes them for instance. */
export type BatchServer = (
  pass: BatchPass,
) => Iterable<unknown> | AsyncIterable<unknown> | Promise<Iterable<unknown> | AsyncIterable<unknown>>;

/**
 * Makes batches in a worker, ahead of the training that gets them by `batchesFrom`. One call, in the worker's module.
 *
 * A batch is given away: the arrays in it change hands and are empty here afterwards. A source that gives the same arrays again
 * gives copies (`clone`).
 *
 * @param source is called for each pass; it draws from the pass's `rng` alone, so that the training repeats.
 * @param port where the training's messages arrive. Default: the worker's global scope, which is right in pages, Deno and
 * Bun; in Node it is `parentPort` of `node:worker_threads`.
 *
 * @example
 * const { port1, port2 } = new MessageChannel();
 * serveBatches(({ rng }) => batches(train, { batchSize: 2, rng }), port1); // in a worker's module without a port
 * for await (const { x } of batchesFrom(port2)) {
 *   x.shape; // [2, 3, 12, 12]
 * }
 * port1.close();
 *
 * @throws UsageError unless `port` is one.
 */
export function serveBatches(
  source: BatchServer,
  port: MessagePlace | null = globalThis as unknown as MessagePlace,
): void {
  checkFunction(
    "serveBatches",
    "source",
    source,
    "a function that gives the batches of a pass, ({ rng }) => batches(…)",
  );
  checkPlace(
    "serveBatches",
    "port",
    port,
    "the worker's place for messages (in Node: parentPort of node:worker_threads), and there is none: is this module run by a worker?",
  );
  const passes = new Map<number, Allowance>();
  let last = 0;
  listen<Request>(port, (request) => {
    if (request.kind === "more") passes.get(request.id)?.add();
    if (request.kind === "end") passes.get(request.id)?.end();
    // One that was already heard may be said again when this is ready.
    if (request.kind !== "begin" || request.id <= last) return;
    last = request.id;
    const allowance = new Allowance(request.ahead);
    passes.set(request.id, allowance);
    void serve(source, request, allowance, port).finally(() => passes.delete(request.id));
  });
  send(port, { kind: "ready" });
}

async function serve(
  source: BatchServer,
  { id, epoch, rng: state }: Begin,
  allowance: Allowance,
  port: MessagePlace,
): Promise<void> {
  try {
    const rng = new Rng(state);
    const batches: unknown = await source({ epoch, rng });
    if (!isIterable(batches)) {
      throw new UsageError(`serveBatches: source must return batches that can be iterated, got ${describe(batches)}`);
    }
    for await (const made of batches) {
      const { batch, transfer } = packed(made);
      send(port, { kind: "batch", id, batch, rng: stateOf(rng) }, transfer);
      // The next one is not begun before it may be made: leaving the loop ends the source.
      if (!(await allowance.take())) return;
    }
    send(port, { kind: "end", id, rng: stateOf(rng) });
  } catch (error) {
    send(port, {
      kind: "failed",
      id,
      reason: error instanceof Error ? `${error.name}: ${error.message}` : describe(error),
    });
  }
}

function stateOf({ state, spare }: Rng): Begin["rng"] {
  return { state, spare };
}

function isIterable(value: unknown): value is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

/** How many batches of a pass may be made now. */
class Allowance {
  #left: number;
  #ended = false;
  #wake: () => void = () => {};

  /** @param ahead one of them is being made at once. */
  constructor(ahead: number) {
    this.#left = ahead - 1;
  }

  /** Waits until another batch may be made; false: no more are needed. */
  async take(): Promise<boolean> {
    while (this.#left === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#left--;
    return !this.#ended;
  }

  add(): void {
    this.#left++;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }
}
