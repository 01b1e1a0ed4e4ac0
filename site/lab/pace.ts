/** How fast steps are made. Pace only decides when credit is given, so it never changes a bit. */
import type { Pace } from "./state.ts";

/** Steps a second before the step of this number is made; infinite: as fast as it goes. */
export function rateAt(pace: Pace, step: number): number {
  if (pace === "free") return Number.POSITIVE_INFINITY;
  if (pace !== "opening") return Number(pace);
  return step < 8 ? 4 : step < 40 ? 20 : Number.POSITIVE_INFINITY;
}

/**
 * How many steps one network may be ahead of the other: enough that neither waits while the page draws a frame and gives
 * credit, few enough that a cut, which is made at the first step without credit, is seen at once.
 */
export const AHEAD = 8;

/** At most so many steps a second are measured, once the first sixty are over. */
const MEASURED_A_SECOND = 20;

/** From 60 on every so-manieth step is measured: a power of two, so that a change of it keeps every second step. */
export function measuredEvery(stepsPerSecond: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(stepsPerSecond / MEASURED_A_SECOND)));
}

/** Steps a second over the last two seconds. */
export class Speed {
  #marks: { time: number; step: number }[] = [];

  note(time: number, step: number): void {
    const last = this.#marks[this.#marks.length - 1];
    if (last?.step === step) return;
    this.#marks.push({ time, step });
    while (this.#marks.length > 2 && this.#marks[0].time < time - 2000) this.#marks.shift();
  }

  /** 0 where nothing happened for two seconds. */
  at(time: number): number {
    const [first, last] = [this.#marks[0], this.#marks[this.#marks.length - 1]];
    if (!first || last === first || last.time < time - 2000) return 0;
    return (1000 * (last.step - first.step)) / (last.time - first.time);
  }

  clear(): void {
    this.#marks = [];
  }
}
