/** One loop of frames for the whole page, and how well it keeps up. */
import type { Duo } from "../duo.ts";
import type { Model, Panel } from "./model.ts";

export interface Frames {
  /** Frames per second over the last two seconds. */
  readonly fps: number;
  /** 95th percentile of the time between two frames, milliseconds, over the last 240. */
  readonly p95: number;
  /** 95th percentile of the time that the page itself took in a frame, milliseconds. */
  readonly work: number;
  end(): void;
}

/** Calls `frame` at each frame until `end`. */
export function frames(frame: (time: number) => void): Frames {
  const [gaps, works] = [new Float32Array(240), new Float32Array(240)];
  let [count, last, handle] = [0, Number.NaN, 0];
  const tick = (time: number): void => {
    handle = requestAnimationFrame(tick);
    const began = performance.now();
    frame(time);
    if (!Number.isNaN(last)) {
      gaps[count % gaps.length] = time - last;
      works[count % works.length] = performance.now() - began;
      count++;
    }
    last = time;
  };
  handle = requestAnimationFrame(tick);
  const percentile = (values: Float32Array): number => {
    const known = values.slice(0, Math.min(count, values.length)).sort();
    return known.length === 0 ? Number.NaN : known[Math.floor(0.95 * (known.length - 1))]!;
  };
  return {
    get fps() {
      let [sum, number] = [0, 0];
      for (let i = count - 1; i >= Math.max(0, count - gaps.length) && sum < 2000; i--, number++)
        sum += gaps[i % gaps.length]!;
      return sum === 0 ? 0 : (1000 * number) / sum;
    },
    get p95() {
      return percentile(gaps);
    },
    get work() {
      return percentile(works);
    },
    end: () => cancelAnimationFrame(handle),
  };
}

/**
 * One frame: the step of both, words four times a second, and at once after the reader has done something; canvases that can be
 * seen and have something new, twenty times a second (every frame where something moves): the rest of the time is the networks'.
 */
export function frameOf(
  model: Model,
  duo: Duo,
  panels: readonly Panel[],
  changes: { dirty: boolean; acted: boolean },
): (time: number) => void {
  let [words, shown, drawn, step] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, -1];
  const drawPanel = (panel: Panel, fresh: boolean, time: number): void => {
    const { screen } = panel;
    if (panel.draw === undefined || (screen !== undefined && !screen.visible)) return;
    const moves = panel.moves === true && model.playing && !model.reducedMotion;
    if (fresh || moves || screen?.stale === true) panel.draw(model, time);
  };
  return (time) => {
    model.step = duo.step;
    model.speed = duo.speed;
    const fresh = changes.dirty || model.step !== step;
    const speaks = fresh && (changes.acted || time - words >= 250);
    const shows = speaks || (fresh && time - shown >= 50);
    if (speaks) {
      words = time;
      changes.acted = false;
      for (const panel of panels) panel.update?.(model);
    } else if (fresh) changes.dirty = true;
    if (model.reducedMotion && model.playing && time - drawn < 500) return;
    drawn = time;
    if (shows) [shown, step] = [time, model.step];
    for (const panel of panels) drawPanel(panel, shows, time);
    // Words that had to wait come with the next frames.
    if (speaks || !fresh) changes.dirty = false;
  };
}
