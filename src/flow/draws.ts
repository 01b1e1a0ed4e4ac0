/**
 * Observes a model's random draws, and lets it repeat them.
 *
 * Every generator of this library exposes its state. While `fn` runs, the state before each generator's first draw is
 * noted. Afterwards all generators are restored, so an instrument does not affect the training around it.
 */
import { Rng, type RngState } from "../tensor/rng.ts";

/** A generator as it was before its first draw. Generators are listed in the order of their first draws. */
export type Draw = RngState;

/**
 * Runs `fn`. Returns its result and the states in which its generators started.
 *
 * @param replay states to start from instead, for the first generators that draw.
 */
export function watchingDraws<T>(fn: () => T, replay: readonly Draw[] = []): { value: T; draws: Draw[] } {
  const before = new Map<Rng, Draw>();
  const draws: Draw[] = [];
  // Uniform, whole and normal numbers are made from these bits. A spare normal is drawn without any, so both are
  // watched.
  const { bits, normal } = Rng.prototype;
  const notice = (rng: Rng): void => {
    if (before.has(rng)) return;
    before.set(rng, drawOf(rng));
    const start = replay[draws.length];
    if (start) rng.setState(start);
    draws.push(drawOf(rng));
  };
  Rng.prototype.bits = function (this: Rng): number {
    notice(this);
    return bits.call(this);
  };
  Rng.prototype.normal = function (this: Rng, ...args: [number?, number?]): number {
    notice(this);
    return normal.apply(this, args);
  };
  try {
    return { value: fn(), draws };
  } finally {
    Rng.prototype.bits = bits;
    Rng.prototype.normal = normal;
    for (const [rng, draw] of before) rng.setState(draw);
  }
}

function drawOf({ state, spare }: Rng): Draw {
  return { state, spare };
}
