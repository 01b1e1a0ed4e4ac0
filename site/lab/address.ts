/**
 * A run and what is seen of it as the part of the page's address after #, and back.
 *
 *   #v1&d=20&za=none&e=450.ac17,450.zc0-35,600.lr0.02,700.aj0-35&t=400&f=s9c41d2e0
 *
 * Only what differs from version 1's defaults is written; those stay as they are for ever. An event is its step, whose network
 * it changes (a, z for b, none for both) and what: c cuts shortcuts, k branches, j rejoins, each of one block or of first-last;
 * lr sets the rate. Reading never throws: what is out of range is clamped, what is no value is left at its default, both with
 * a note; what is unknown is kept.
 */
import type { Event, Limits, Name, Run, Side, View } from "./state.ts";
import {
  blocksOf,
  clamp,
  DEFAULT_RUN,
  DEFAULT_VIEW,
  LIMITS,
  ORDER_NAMES,
  PACES,
  SHORTCUT_KINDS,
  STARTS,
} from "./state.ts";

/** An address, read. */
export interface Address {
  readonly run: Run;
  readonly view: View;
  /** What was not as it should be, and what was taken instead: one sentence each, for the reader. */
  readonly notes: readonly string[];
  /** Parts that this version does not know, as they were: they are kept when the address is written again. */
  readonly unknown: readonly string[];
}

/** More than anyone makes by hand. */
const MOST_EVENTS = 200;

/** Reads what follows # in the page's address (with or without it). Never throws. */
export function readAddress(hash: string): Address {
  const parts = hash.replace(/^#/, "").split("&").filter(Boolean);
  const notes: string[] = [];
  if (parts.length > 0 && parts[0] !== "v1" && /^v\d+$/.test(parts[0])) {
    notes.push(`This link is of version ${parts[0].slice(1)} of the laboratory; it was read as version 1.`);
  }
  const reader = new Reader(parts.filter((part, i) => i > 0 || !/^v\d+$/.test(part)).map(decoded), notes);
  const run = readRun(reader);
  const view = readView(reader, run);
  return { run, view, notes, unknown: reader.rest() };
}

/** The address of a run, `#v1&…`. */
export function writeAddress(run: Run, view: View, unknown: readonly string[] = []): string {
  const d = DEFAULT_RUN;
  const { a, b } = run;
  const parts: string[] = ["v1"];
  const put = (key: string, value: string | number, usual: string | number): void => {
    if (value !== usual) parts.push(`${key}=${value}`);
  };
  put("d", run.depth, d.depth);
  put("w", run.width, d.width);
  put("b", run.batch, d.batch);
  put("lr", a.learningRate, d.a.learningRate);
  put("m", run.momentum, d.momentum);
  put("wd", run.weightDecay, d.weightDecay);
  put("s", run.seed, d.seed);
  put("x", run.data, d.data);
  put("px", run.pixels, d.pixels);
  for (const [prefix, side, usual] of [
    ["", a, d.a],
    ["z", b, { ...a, shortcut: d.b.shortcut }],
  ] as const) {
    put(`${prefix}a`, shortcutText(side), shortcutText(usual));
    put(`${prefix}o`, side.order, usual.order);
    put(`${prefix}n`, Number(side.batchNorm), Number(usual.batchNorm));
    put(`${prefix}i`, side.start, usual.start);
  }
  put("zlr", b.learningRate, a.learningRate);
  put("e", run.events.map(eventText).join(","), "");
  put("t", view.target ?? "", "");
  put("f", view.fingerprint ?? "", "");
  put("p", view.pace === "opening" ? "open" : view.pace, "open");
  put("walk", view.walk ?? "", "");
  put("view", view.view, DEFAULT_VIEW.view);
  put("block", view.block ?? "", "");
  if (view.drawings) parts.push("drawings");
  return `#${[...parts, ...unknown].join("&")}`;
}

/** The parts of an address, each taken once. */
class Reader {
  readonly notes: string[];
  readonly #values = new Map<string, string>();
  readonly #unknown = new Set<string>();

  constructor(parts: readonly string[], notes: string[]) {
    this.notes = notes;
    for (const part of parts) {
      const at = part.indexOf("=");
      const key = at < 0 ? part : part.slice(0, at);
      if (KEYS.has(key)) this.#values.set(key, at < 0 ? "" : part.slice(at + 1));
      else this.#unknown.add(part);
    }
  }

  text(key: string): string | undefined {
    return this.#values.get(key);
  }

  /** A number within limits. */
  number(key: string, what: string, usual: number, limits: Limits): number {
    const text = this.#values.get(key);
    return text === undefined ? usual : this.within(text, what, usual, limits);
  }

  within(text: string, what: string, usual: number, limits: Limits): number {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isNaN(value)) {
      this.notes.push(`The ${what} "${short(text)}" is no number: ${usual} was taken.`);
      return usual;
    }
    const taken = clamp(value, limits);
    if (taken !== value) {
      const series = limits.step !== null && limits.step > 1 ? `, in steps of ${limits.step}` : "";
      this.notes.push(
        `The ${what} ${value} is not to be had (${limits.min} to ${limits.max}${series}): ${taken} was taken.`,
      );
    }
    return taken;
  }

  /** One of some names. */
  choice<T extends string>(key: string, what: string, usual: T, names: readonly T[]): T {
    const text = this.#values.get(key);
    if (text === undefined) return usual;
    const found = names.find((name) => name === text);
    if (found === undefined) this.notes.push(`The ${what} "${short(text)}" does not exist: ${usual} was taken.`);
    return found ?? usual;
  }

  rest(): string[] {
    return [...this.#unknown];
  }
}

const KEYS: ReadonlySet<string> = new Set(
  "d w b lr m wd s x px a o n i za zo zn zi zlr e t f p walk view block drawings".split(" "),
);

function readRun(reader: Reader): Run {
  const d = DEFAULT_RUN;
  const depth = reader.number("d", "depth", d.depth, LIMITS.depth);
  const rate = reader.number("lr", "learning rate", d.a.learningRate, LIMITS.learningRate);
  const a = readSide(reader, "", { ...d.a, learningRate: rate });
  const b = readSide(reader, "z", { ...a, ...NUMBERS, shortcut: d.b.shortcut });
  return {
    depth,
    width: reader.number("w", "width", d.width, LIMITS.width),
    batch: reader.number("b", "batch", d.batch, LIMITS.batch),
    momentum: reader.number("m", "momentum", d.momentum, LIMITS.momentum),
    weightDecay: reader.number("wd", "weight decay", d.weightDecay, LIMITS.weightDecay),
    seed: reader.number("s", "seed", d.seed, LIMITS.seed),
    data: reader.choice("x", "data", d.data, ["digits", "fashion"]),
    pixels: reader.choice("px", "image size", "14", ["14", "28"]) === "14" ? 14 : 28,
    a,
    b: { ...b, learningRate: reader.number("zlr", "second learning rate", rate, LIMITS.learningRate) },
    events: readEvents(reader, blocksOf(depth)),
  };
}

/** The numbers of shortcuts that have none: version 1's. */
const NUMBERS = { lambda: 0.5, gateBias: -6 } as const;

function readSide(reader: Reader, prefix: "" | "z", usual: Side): Side {
  const norm = reader.choice(`${prefix}n`, "batch norm", usual.batchNorm ? "1" : "0", ["1", "0"]);
  return {
    ...usual,
    ...readShortcut(reader, `${prefix}a`, usual),
    order: reader.choice(`${prefix}o`, "order", usual.order, ORDER_NAMES),
    batchNorm: norm === "1",
    start: reader.choice(`${prefix}i`, "start", usual.start, STARTS),
  };
}

function readShortcut(reader: Reader, key: string, usual: Side): Partial<Side> {
  const text = reader.text(key);
  if (text === undefined) return {};
  const [kind, number] = text.split(":");
  const found = SHORTCUT_KINDS.find((name) => name === kind);
  if (found === undefined) {
    reader.notes.push(`The shortcut "${short(text)}" does not exist: ${usual.shortcut} was taken.`);
    return {};
  }
  const shortcut = { ...NUMBERS, shortcut: found };
  if (number === undefined) return shortcut;
  if (found === "scale") return { ...shortcut, lambda: reader.within(number, "factor", NUMBERS.lambda, LIMITS.lambda) };
  if (found === "gate" || found === "shortcutGate") {
    return { ...shortcut, gateBias: reader.within(number, "gate's bias", NUMBERS.gateBias, LIMITS.gateBias) };
  }
  reader.notes.push(`The shortcut ${found} has no number: "${short(number)}" was left out.`);
  return shortcut;
}

function shortcutText({ shortcut, lambda, gateBias }: Side): string {
  if (shortcut === "scale") return `scale:${lambda}`;
  return shortcut === "gate" || shortcut === "shortcutGate" ? `${shortcut}:${gateBias}` : shortcut;
}

const PART_LETTERS = { c: "shortcut", k: "branch", j: "none" } as const;
const SIDE_LETTERS = { both: "", a: "a", b: "z" } as const;

function eventText({ step, side, blocks, change }: Event): string {
  const who = `${step}.${SIDE_LETTERS[side]}`;
  if (change.kind === "rate") return `${who}lr${change.value}`;
  const letter = change.part === "shortcut" ? "c" : change.part === "branch" ? "k" : "j";
  const [first, last] = blocks ?? [0, 0];
  return `${who}${letter}${first === last ? first : `${first}-${last}`}`;
}

function readEvents(reader: Reader, blocks: number): Event[] {
  const items = (reader.text("e") ?? "").split(",").filter(Boolean);
  if (items.length > MOST_EVENTS) {
    reader.notes.push(`Only the first ${MOST_EVENTS} of ${items.length} changes were taken.`);
  }
  return items
    .slice(0, MOST_EVENTS)
    .flatMap((item): Event[] => {
      const event = readEvent(reader, item, blocks);
      if (event === null) reader.notes.push(`The change "${short(item)}" was not understood, and left out.`);
      return event ? [event] : [];
    })
    .sort((x, y) => x.step - y.step);
}

function readEvent(reader: Reader, item: string, blocks: number): Event | null {
  const match = /^(\d{1,9})\.([az]?)(?:lr(.+)|([ckj])(\d{1,5})(?:-(\d{1,5}))?)$/.exec(item);
  if (!match) return null;
  const [, at, who, rate, letter, from, to] = match;
  const step = reader.within(at, "step of a change", 0, LIMITS.target);
  const side: Name | "both" = who === "a" ? "a" : who === "z" ? "b" : "both";
  if (rate !== undefined) {
    if (Number.isNaN(Number(rate))) return null;
    const value = reader.within(rate, "learning rate", DEFAULT_RUN.a.learningRate, LIMITS.learningRate);
    return { step, side, blocks: null, change: { kind: "rate", value } };
  }
  const limits: Limits = { min: 0, max: blocks - 1, step: 1 };
  const first = reader.within(from, "block", 0, limits);
  const last = to === undefined ? first : reader.within(to, "block", 0, limits);
  return {
    step,
    side,
    blocks: [Math.min(first, last), Math.max(first, last)],
    change: { kind: "cut", part: PART_LETTERS[letter as keyof typeof PART_LETTERS] },
  };
}

function readView(reader: Reader, { depth }: Run): View {
  const optional = (key: string, what: string, limits: Limits): number | null =>
    reader.text(key) === undefined ? null : reader.number(key, what, limits.min, limits);
  const pace = reader.choice("p", "pace", "open", ["open", ...PACES.slice(1)]);
  const fingerprint = reader.text("f") ?? null;
  const isFingerprint = fingerprint === null || /^[sp][0-9a-f]{8}$/.test(fingerprint);
  if (!isFingerprint) reader.notes.push(`The fingerprint "${short(fingerprint)}" is none, and was left out.`);
  const drawings = reader.text("drawings") !== undefined;
  if (drawings) {
    reader.notes.push("The sender had added drawings to the training. A link cannot carry them: this run is without.");
  }
  return {
    pace: PACES.find((name) => name === pace) ?? "opening",
    walk: optional("walk", "card of the walk", LIMITS.walk),
    view: reader.choice("view", "view", DEFAULT_VIEW.view, ["gradient", "ratio"]),
    block: optional("block", "block", { min: 0, max: blocksOf(depth) - 1, step: 1 }),
    target: optional("t", "step", LIMITS.target),
    fingerprint: isFingerprint ? fingerprint : null,
    drawings,
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function short(text: string): string {
  return text.length > 24 ? `${text.slice(0, 24)}…` : text;
}
