/**
 * A tier whose arrays are handles: what operations pass around is full of NaN, and the numbers lie elsewhere, where only
 * its kernels find them. Whatever looks into an array between kernels gets NaN, and whatever uses an array after its step,
 * or after it was given back, gets an error. Computes what the plain tier computes, bit for bit.
 */

import type { ArrayKernels } from "../../src/tensor/kernels.ts";
import { currentStep, type Floats, type Pool } from "../../src/tensor/memory.ts";
import { plainKernels } from "../../src/tensor/plain/index.ts";
import { replacingArrays } from "./arguments.ts";

class HandlePool implements Pool {
  readonly everywhere = true;
  readonly #numbers = new WeakMap<Floats, Floats>();
  readonly #gone = new WeakSet<Floats>();
  #ofStep: Floats[] = [];
  /** How many handles there have been. */
  handles = 0;

  allocate(size: number, float64: boolean): Floats {
    const handle = this.place((float64 ? new Float64Array(size) : new Float32Array(size)).fill(Number.NaN));
    if (currentStep()) this.#ofStep.push(handle);
    return handle;
  }

  /** A handle of these numbers that outlives every step. */
  place(numbers: Floats): Floats {
    const handle = numbers.slice().fill(Number.NaN);
    this.#numbers.set(handle, numbers);
    this.handles++;
    return handle;
  }

  owns(array: Floats): boolean {
    return this.#numbers.has(array);
  }

  read(array: Floats): Floats {
    if (this.#gone.has(array)) throw new Error("an array was used after it had been taken back");
    return this.#numbers.get(array) ?? array;
  }

  part(array: Floats, start: number, end: number): Floats {
    const handle = array.slice(start, end);
    if (!this.owns(array)) return array.subarray(start, end);
    this.#numbers.set(handle, this.read(array).subarray(start, end));
    return handle;
  }

  release(array: Floats): void {
    if (!array.every(Number.isNaN)) throw new Error("somebody wrote to a handle");
    this.#numbers.delete(array);
    this.#gone.add(array);
  }

  reset(): void {
    for (const handle of this.#ofStep) this.release(handle);
    this.#ofStep = [];
  }
}

export const pool: HandlePool = new HandlePool();

export const handleKernels: ArrayKernels = {
  ...(Object.fromEntries(
    Object.entries(plainKernels).map(([name, kernel]) => [
      name,
      typeof kernel !== "function"
        ? kernel
        : (...args: unknown[]) =>
            (kernel as (...args: unknown[]) => void)(
              ...args.map((argument) => replacingArrays(argument, (array) => pool.read(array))),
            ),
    ]),
  ) as unknown as ArrayKernels),
  name: "handles",
  pool,
};
