/**
 * What a duo does. Both networks get the same credit: the number of steps that they may have made. It is never more than
 * `AHEAD` over the slower one's step; pace is how fast it is given, and pause is none. So nothing here changes a bit of the
 * run, except for changes, which are made at the first step that no credit was given for: the same for both.
 */
import type { Answer, Duo, DuoEvents, DuoOptions, RunImages, StartOptions, Status, Watch } from "./duo.ts";
import { joined } from "./fingerprints.ts";
import { defaultWorker } from "./make-worker.ts";
import { AHEAD, measuredEvery, rateAt, Speed } from "./pace.ts";
import type { NetworkRow, ToPage, ToWorker } from "./protocol.ts";
import { Rival } from "./rival.ts";
import type { Event, Name, Pace, Run } from "./state.ts";
import type { Store } from "./store.ts";

const NAMES = ["a", "b"] as const;

/** Both networks, and their common clock. */
export class Pair implements Duo {
  run: Run | null = null;
  status: Status = "idle";
  readonly #options: DuoOptions;
  readonly #listeners = new Map<keyof DuoEvents, Set<(event: never) => void>>();
  readonly #speed = new Speed();
  #pace: Pace;
  #rivals: Readonly<Record<Name, Rival>> | null = null;
  #images: RunImages | null = null;
  #watch: Watch = { ratios: false, shares: true, block: null, digit: 0 };
  #added: Extract<ToWorker, { type: "add" }>[] = [];
  /** Steps that both may have made. */
  #credit = 0;
  /** Where it pauses, and whether it goes there at the pace that is set. */
  #target: number | null = null;
  #paced = false;
  /** Which start this is: what belongs to an earlier one is no longer heard. */
  #generation = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextAt = 0;
  /** Called whenever a network has made steps, or the run has changed. */
  readonly #waiting = new Set<() => void>();
  #saidSlow = false;
  #saidInPage = false;

  constructor(options: DuoOptions) {
    this.#options = options;
    this.#pace = options.pace ?? "opening";
  }

  get step(): number {
    const going = this.#both().filter(({ failed }) => !failed);
    return going.length > 0
      ? Math.min(...going.map(({ step }) => step))
      : Math.max(0, ...this.#both().map(({ step }) => step));
  }

  get speed(): number {
    return this.status === "running" ? this.#speed.at(performance.now()) : 0;
  }

  get stores(): Readonly<Record<Name, Store | null>> {
    return { a: this.#rivals?.a.store ?? null, b: this.#rivals?.b.store ?? null };
  }

  get networks(): Readonly<Record<Name, NetworkRow | null>> {
    return { a: this.#rivals?.a.network ?? null, b: this.#rivals?.b.network ?? null };
  }

  get drawings(): boolean {
    return this.#added.length > 0;
  }

  get pace(): Pace {
    return this.#pace;
  }

  set pace(pace: Pace) {
    this.#pace = pace;
    this.#nextAt = 0;
    this.#give();
  }

  on<K extends keyof DuoEvents>(type: K, listener: (event: DuoEvents[K]) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async start(run: Run, options: StartOptions = {}): Promise<void> {
    const { paused = false, target = null, paced = false } = options;
    this.#clear();
    const generation = this.#generation;
    this.run = run;
    this.#target = target;
    this.#paced = paced;
    this.#setStatus("loading");
    this.#emit("start", { run });
    const images = await this.#options.images(run).catch((error: unknown) => {
      if (generation === this.#generation) this.#setStatus("idle");
      throw error;
    });
    if (generation !== this.#generation) return;
    this.#images = images;
    this.#rivals = { a: this.#makeRival("a"), b: this.#makeRival("b") };
    await this.#until(() => generation !== this.#generation || this.#both().every(({ settled }) => settled));
    if (generation !== this.#generation || this.#ifAllFailed()) return;
    this.#setStatus(paused ? "paused" : "running");
    this.#give();
  }

  pause(): void {
    if (this.status === "running" || this.status === "away") this.#setStatus("paused");
    clearTimeout(this.#timer);
  }

  resume(): void {
    if (this.status !== "paused" && this.status !== "away") return;
    this.#speed.clear();
    this.#nextAt = 0;
    this.#setStatus("running");
    this.#give();
  }

  stepOnce(): void {
    this.pause();
    if (this.status === "paused") this.#grant(this.#credit + 1);
  }

  async again({ paused = false }: { paused?: boolean } = {}): Promise<void> {
    if (this.run) await this.start(this.run, { paused });
  }

  async goTo(step: number, { paced = false }: Pick<StartOptions, "paced"> = {}): Promise<void> {
    const { run } = this;
    if (!run) throw new Error("There is no run yet.");
    if (step < this.#credit) await this.start(run, { target: step, paced });
    else {
      this.#target = step;
      this.#paced = paced;
      this.resume();
      this.#give();
    }
    const generation = this.#generation;
    await this.#until(() => generation !== this.#generation || this.#target !== step || this.#isThere(step));
  }

  change(side: Event["side"], change: Event["change"], blocks: Event["blocks"] = null): Event {
    if (!this.run) throw new Error("There is no run yet.");
    const event: Event = { step: this.#credit, side, blocks, change };
    const before = this.run.events.filter(({ step }) => step <= event.step);
    const events = [...before, event, ...this.run.events.slice(before.length)];
    this.run = { ...this.run, events };
    for (const rival of this.#both()) rival.send({ type: "event", event });
    this.#emit("event", { event, run: this.run });
    return event;
  }

  watch(watch: Partial<Watch>): void {
    this.#watch = { ...this.#watch, ...watch };
    for (const rival of this.#both()) rival.send({ type: "watch", ...this.#watch });
  }

  async read(picture: Float32Array, saliency: boolean): Promise<Readonly<Record<Name, Answer>>> {
    const read = async (name: Name): Promise<Answer> => {
      const answer = await this.#rival(name).ask({ type: "read", picture, saliency }, "answer");
      return { probabilities: answer.probabilities, saliency: answer.saliency };
    };
    const [a, b] = await Promise.all([read("a"), read("b")]);
    return { a, b };
  }

  add(picture: Float32Array, label: number): void {
    const message = { type: "add", step: this.#credit, picture: picture.slice(), label } as const;
    this.#added.push(message);
    for (const rival of this.#both()) rival.send(message);
  }

  async save(name: Name, format: "safetensors" | "onnx"): Promise<{ bytes: Uint8Array; name: string }> {
    const saved = await this.#rival(name).ask({ type: "save", format }, "saved");
    return { bytes: saved.bytes, name: saved.name };
  }

  async load(name: Name, bytes: Uint8Array): Promise<void> {
    const { error } = await this.#rival(name).ask({ type: "load", bytes }, "loaded");
    if (error !== null) throw new Error(error);
  }

  async fingerprint(): Promise<{ step: number; fingerprint: string }> {
    this.pause();
    const generation = this.#generation;
    await this.#until(() => generation !== this.#generation || this.#isThere(this.#credit));
    const ask = (name: Name) => this.#rival(name).ask({ type: "fingerprint" }, "fingerprint");
    const [a, b] = await Promise.all([ask("a"), ask("b")]);
    return { step: this.step, fingerprint: a.tier.slice(0, 1) + joined(a.fingerprint, b.fingerprint) };
  }

  hidden(hidden: boolean): void {
    if (hidden && this.status === "running") {
      clearTimeout(this.#timer);
      this.#setStatus("away");
    } else if (!hidden && this.status === "away") this.resume();
  }

  end(): void {
    this.#clear();
    this.#setStatus("ended");
  }

  #both(): readonly Rival[] {
    return this.#rivals ? NAMES.map((name) => this.#rivals![name]) : [];
  }

  #rival(name: Name): Rival {
    if (!this.#rivals) throw new Error("There is no network yet.");
    return this.#rivals[name];
  }

  #clear(): void {
    this.#generation++;
    clearTimeout(this.#timer);
    for (const rival of this.#both()) rival.end();
    [this.#rivals, this.#added, this.#target] = [null, [], null];
    this.#credit = 0;
    this.#nextAt = 0;
    this.#speed.clear();
    this.#wake();
  }

  #makeRival(name: Name): Rival {
    const { makeWorker = defaultWorker } = this.#options;
    return new Rival(name, {
      makeWorker,
      makeInPage: async () => (await import("./in-page.ts")).makeInPage(),
      beginning: () => this.#beginning(name),
      told: (message) => this.#told(name, message),
      movedIn: () => {
        if (!this.#saidInPage) {
          this.#emit("notice", { message: "No worker could be had: this page trains in its own thread, more slowly." });
        }
        this.#saidInPage = true;
      },
    });
  }

  #beginning(name: Name): ToWorker[] {
    const { train, test, shown } = this.#images!;
    const messages: ToWorker[] = [
      { type: "start", run: this.run!, side: name, train, test, shown },
      { type: "watch", ...this.#watch },
      ...this.#added,
    ];
    if (this.#credit > 0) messages.push({ type: "credit", until: this.#credit, every: 1 });
    return messages;
  }

  #told(name: Name, message: ToPage): void {
    switch (message.type) {
      case "ready":
        if (message.network.tier.startsWith("plain") && !this.#saidSlow) {
          this.#saidSlow = true;
          this.#emit("notice", { message: "This browser has no WebAssembly with SIMD: training is slower here." });
        }
        this.#emit("ready", { name, network: message.network, certificate: message.certificate });
        break;
      case "rows":
        this.#speed.note(performance.now(), this.step);
        this.#emit("rows", { name, step: message.step });
        this.#give();
        break;
      case "failed":
        this.#emit("failed", { name, step: message.step, message: message.message });
        if (!this.#ifAllFailed()) this.#give();
        break;
      case "tested":
      case "shares":
      case "block":
      case "changed":
        this.#emit(message.type, { name, ...message } as never);
    }
    this.#wake();
  }

  #ifAllFailed(): boolean {
    if (!this.#rivals || !this.#both().every(({ failed }) => failed)) return false;
    this.#setStatus("done");
    return true;
  }

  /** Gives as much credit as pace, target and the slower network allow. */
  #give(): void {
    if (this.status !== "running") return;
    clearTimeout(this.#timer);
    if (this.#target !== null && this.#isThere(this.#target)) {
      this.#target = null;
      this.#setStatus("paused");
      return;
    }
    const { step } = this;
    const most = Math.min(step + AHEAD, this.#target ?? Number.POSITIVE_INFINITY);
    const isPaced = this.#target === null || this.#paced;
    const rate = isPaced ? rateAt(this.#pace, this.#credit) : Number.POSITIVE_INFINITY;
    if (rate === Number.POSITIVE_INFINITY) {
      if (most > this.#credit) this.#grant(most);
      return;
    }
    // One step at a time, and none before both have made the one before.
    if (this.#credit > step || most <= this.#credit) return;
    const now = performance.now();
    if (now >= this.#nextAt) {
      this.#nextAt = Math.max(now, this.#nextAt + 1000 / rate);
      this.#grant(this.#credit + 1);
    } else this.#timer = setTimeout(() => this.#give(), this.#nextAt - now);
  }

  #grant(until: number): void {
    this.#credit = until;
    const every = measuredEvery(this.#speed.at(performance.now()));
    for (const rival of this.#both()) rival.send({ type: "credit", until, every });
  }

  /** Whether both have made so many steps, or have failed. */
  #isThere(step: number): boolean {
    return this.#both().every((rival) => rival.failed || rival.step >= step);
  }

  #setStatus(status: Status): void {
    if (this.status === status) return;
    this.status = status;
    this.#emit("status", { status });
    this.#wake();
  }

  #emit<K extends keyof DuoEvents>(type: K, event: DuoEvents[K]): void {
    for (const listener of this.#listeners.get(type) ?? []) (listener as (event: DuoEvents[K]) => void)(event);
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }
}
