/**
 * What the figures of one page share: the state, its scene, and the number that is lit. A change in one figure shows in all.
 */
import { type TourState, tourState } from "./program.ts";
import { type Scene, sceneOf } from "./scene.ts";

/** State, scene and light, with those who watch them. */
export class World {
  #state: TourState = tourState;
  #scene: Scene = sceneOf(tourState);
  /** Key of the number that is pointed at or focused. */
  #pointed: string | null = null;
  /** Key of the number that stays lit after a tap. */
  #pinned: string | null = null;
  readonly #watchers = new Set<(changed: boolean) => void>();

  get scene(): Scene {
    return this.#scene;
  }

  /** Key of the lit number, or null. */
  get lit(): string | null {
    return this.#pointed ?? this.#pinned;
  }

  get pinned(): string | null {
    return this.#pinned;
  }

  /** Calls `watcher(changed)` after each change, `changed` if the numbers did. Returns the function that ends it. */
  watch(watcher: (changed: boolean) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** How many figures watch. */
  get watched(): number {
    return this.#watchers.size;
  }

  /** Computes everything anew. */
  change(change: Partial<TourState>): void {
    this.#state = { ...this.#state, ...change };
    this.#scene = sceneOf(this.#state);
    this.#tell(true);
  }

  /** Back to the state of the text. */
  reset(): void {
    this.change(tourState);
  }

  point(key: string | null): void {
    if (key === this.#pointed) return;
    this.#pointed = key;
    this.#tell(false);
  }

  /** Keeps `key` lit, or no longer if it is. */
  pin(key: string | null): void {
    this.#pinned = key === this.#pinned ? null : key;
    this.#tell(false);
  }

  #tell(changed: boolean): void {
    for (const watcher of this.#watchers) watcher(changed);
  }
}

/** The state with the pixel's value, or the filter's middle tap, changed by `by`. */
export function stepped(state: TourState, what: "pixel" | "tap", by: number): Partial<TourState> {
  const rows = (what === "pixel" ? state.image : state.filter).map((row) => [...row]);
  const [row, column] = what === "pixel" ? [state.row, state.column] : [1, 1];
  rows[row][column] = Math.min(9, Math.max(-9, rows[row][column] + by));
  return what === "pixel" ? { image: rows } : { filter: rows };
}

/** The state with our pixel moved by rows and columns, inside the image. */
export function moved(state: TourState, rows: number, columns: number): Partial<TourState> {
  const inside = (i: number): number => Math.min(3, Math.max(0, i));
  return { row: inside(state.row + rows), column: inside(state.column + columns) };
}
