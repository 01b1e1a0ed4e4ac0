/** Things that must not happen too often: the address at most once a second, a screen reader's sentence once in ten. */

/** A clock that can be replaced in tests; milliseconds. */
export interface Clock {
  now(): number;
  later(run: () => void, milliseconds: number): void;
}

const realClock: Clock = {
  now: () => performance.now(),
  later: (run, milliseconds) => void setTimeout(run, milliseconds),
};

/** Calls `run` at once if the last call is long enough ago, else when that time is over, with the newest value: none is lost. */
export class Paced<T> {
  private waiting: { readonly value: T } | null = null;
  private last = Number.NEGATIVE_INFINITY;
  private timed = false;
  private readonly run: (value: T) => void;
  private readonly interval: number;
  private readonly clock: Clock;

  /** `interval` in milliseconds. */
  constructor(run: (value: T) => void, interval: number, clock: Clock = realClock) {
    this.run = run;
    this.interval = interval;
    this.clock = clock;
  }

  push(value: T): void {
    this.waiting = { value };
    if (this.timed) return;
    const left = this.last + this.interval - this.clock.now();
    if (left <= 0) this.flush();
    else {
      this.timed = true;
      this.clock.later(() => {
        this.timed = false;
        this.flush();
      }, left);
    }
  }

  /** Runs what waits, now. */
  flush(): void {
    const waiting = this.waiting;
    if (waiting === null) return;
    this.waiting = null;
    this.last = this.clock.now();
    this.run(waiting.value);
  }

  /** Forgets what waits. */
  drop(): void {
    this.waiting = null;
  }
}
