/**
 * The generators of random numbers that a training uses, so that a training which goes on uses them where it left off: those
 * of the model (dropout, stochastic depth), those that the caller names, and that of the data loader.
 *
 * A generator of the data has two states in a checkpoint: `start`, before the epoch, from which its batches are made again,
 * and `now`, after the last step.
 */
import { checkObject } from "../../tensor/arguments.ts";
import { describe } from "../../tensor/check.ts";
import { UsageError } from "../../tensor/errors.ts";
import { Rng, type RngState } from "../../tensor/rng.ts";
import type { AnyModule } from "../module.ts";
import { holdersOf } from "../parts.ts";

/** States of generators by name. */
export type GeneratorStates = Readonly<Record<string, RngState>>;

/** What a checkpoint knows of generators. */
export interface SavedGenerators {
  /** Those of the data, as the epoch began. */
  readonly start: GeneratorStates;
  /** Whether the loader had another generator in the epoch before. */
  readonly isNew: boolean;
  /** All of them, after the last step. */
  readonly now: GeneratorStates;
}

/** What the loader's generator is called. A caller's generators have no name that begins with a bracket. */
const LOADER = "[data]";
/** What the names of the model's begin with. */
const MODEL = "[model]";

/** What a source of batches may tell of itself (src/data's `batches` does). */
interface Telling {
  readonly generator?: unknown;
}

export class Generators {
  readonly #model: AnyModule;
  readonly #named: Readonly<Record<string, Rng>>;
  #loader: Rng | null = null;
  /** Whether the loader's generator is another one than in the epoch before. */
  #isNew = false;
  /** Whether the loader's generator was put into a checkpoint's state: the next epoch must use the same one. */
  #isPut = false;
  #start: GeneratorStates = {};

  /** @throws UsageError unless `named` are generators by name, or undefined. */
  constructor(model: AnyModule, named: unknown) {
    if (named !== undefined) checkObject("fit", "generators", named);
    const entries = Object.entries((named ?? {}) as Record<string, unknown>);
    for (const [name, rng] of entries) {
      if (name.startsWith("[")) throw new UsageError(`fit: a generator cannot be called "${name}"`);
      if (!(rng instanceof Rng)) {
        throw new UsageError(`fit: generators must be random number generators by name, ${name} is ${describe(rng)}`);
      }
    }
    this.#model = model;
    this.#named = Object.fromEntries(entries) as Record<string, Rng>;
  }

  /** @throws UsageError where a checkpoint knows other generators than this training, but for the loader's. */
  check({ now }: SavedGenerators): void {
    const here = this.#all();
    const unknown = Object.keys(now).find((name) => name !== LOADER && !Object.hasOwn(here, name));
    if (unknown !== undefined) {
      throw new UsageError(
        `fit: the checkpoint has a state for the generator ${unknown}, and this training has no such generator${unknown.startsWith("[") ? "" : ": put it into generators"}`,
      );
    }
    checkStates(here, now);
  }

  /** Before the data of an epoch is asked for. @param saved of a training that goes on. */
  beginEpoch(saved: SavedGenerators | null): void {
    if (saved) restore(this.#named, saved.start);
    this.#start = statesOf(this.#named);
  }

  /**
   * Before the first batch is made. The loader's generator is in the state the epoch began with already, or is put into it:
   * then it must be one generator for all epochs, since nothing is known of what makes a new one each time.
   */
  beginBatches(source: unknown, saved: SavedGenerators | null): void {
    const before = this.#loader;
    const rng = (source as Telling).generator;
    this.#loader = rng instanceof Rng && !Object.values(this.#named).includes(rng) ? rng : null;
    this.#isNew = before !== null && this.#loader !== before;
    if (this.#isPut && this.#isNew) throw unknownOrigin();
    if (!this.#loader) return;
    const start = saved?.start[LOADER];
    if (saved && start && !isIn(this.#loader, start)) {
      if (saved.isNew) throw unknownOrigin();
      restore({ [LOADER]: this.#loader }, saved.start);
      this.#isPut = true;
    }
    this.#start = { ...this.#start, ...statesOf({ [LOADER]: this.#loader }) };
  }

  /** Of the epoch's beginning. */
  get saved(): SavedGenerators {
    return { start: this.#start, isNew: this.#isNew, now: statesOf(this.#all()) };
  }

  /** Puts every generator into the state it had after the last step. */
  goOn({ now }: SavedGenerators): void {
    restore(this.#all(), now);
  }

  #all(): Record<string, Rng> {
    const all: Record<string, Rng> = { ...this.#named, ...(this.#loader ? { [LOADER]: this.#loader } : {}) };
    for (const [path, module] of this.#model.namedModules()) {
      const owner = `${MODEL}${path === "" ? "" : `.${path}`}`;
      // Where parts are found too: in properties, and in the containers there.
      holdersOf(module).forEach(({ entries }, holder) => {
        entries.forEach(([key, value], i) => {
          if (value instanceof Rng) all[`${owner}.${holder === 0 ? key : `${holder}[${i}]`}`] = value;
        });
      });
    }
    return all;
  }
}

function unknownOrigin(): UsageError {
  return new UsageError(
    "fit: resume: data makes a new generator of random numbers for each epoch, and the checkpoint does not have the state it comes from: make it of the epoch's number, new Rng(epoch), or put the generator that it is forked from into generators",
  );
}

function isIn(rng: Rng, { state, spare }: RngState): boolean {
  return rng.spare === spare && state.every((word, i) => word === rng.state[i]);
}

function statesOf(rngs: Readonly<Record<string, Rng>>): GeneratorStates {
  return Object.fromEntries(Object.entries(rngs).map(([name, { state, spare }]) => [name, { state, spare }]));
}

/** @throws UsageError where a state is missing: nothing has been changed then. */
function restore(rngs: Readonly<Record<string, Rng>>, states: GeneratorStates): void {
  checkStates(rngs, states);
  for (const [name, rng] of Object.entries(rngs)) rng.setState(states[name]);
}

function checkStates(rngs: Readonly<Record<string, Rng>>, states: GeneratorStates): void {
  const missing = Object.keys(rngs).find((name) => !Object.hasOwn(states, name));
  if (missing !== undefined) {
    throw new UsageError(`fit: the checkpoint has no state for the generator ${missing}: it had none when it was made`);
  }
}
