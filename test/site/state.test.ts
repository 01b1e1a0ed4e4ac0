import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchPreset, PRESETS } from "../../site/lab/presets.ts";
import { refusal } from "../../site/lab/refusal.ts";
import {
  blocksOf,
  DEFAULT_RUN,
  DEFAULT_VIEW,
  type Event,
  LIMITS,
  type Limits,
  ORDER_NAMES,
  PACES,
  plainTwin,
  type Run,
  readAddress,
  SHORTCUT_KINDS,
  type Side,
  STARTS,
  type View,
  writeAddress,
} from "../../site/lab/state.ts";

const within = ({ min, max, step }: Limits): fc.Arbitrary<number> =>
  step === null
    ? fc.double({ min, max, noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value))
    : fc.integer({ min: 0, max: (max - min) / step }).map((n) => min + n * step);

const side: fc.Arbitrary<Side> = fc
  .record({
    shortcut: fc.constantFrom(...SHORTCUT_KINDS),
    lambda: within(LIMITS.lambda),
    gateBias: within(LIMITS.gateBias),
    order: fc.constantFrom(...ORDER_NAMES),
    batchNorm: fc.boolean(),
    start: fc.constantFrom(...STARTS),
    learningRate: within(LIMITS.learningRate),
  })
  // A number that the shortcut does not have is not written.
  .map((s) => ({
    ...s,
    lambda: s.shortcut === "scale" ? s.lambda : 0.5,
    gateBias: s.shortcut === "gate" || s.shortcut === "shortcutGate" ? s.gateBias : -6,
  }));

const events = (blocks: number): fc.Arbitrary<Event[]> => {
  const block = fc.integer({ min: 0, max: blocks - 1 });
  const who = fc.constantFrom("a" as const, "b" as const, "both" as const);
  const cut = fc.record({
    step: within(LIMITS.target),
    side: who,
    blocks: fc.tuple(block, block).map(([x, y]) => [Math.min(x, y), Math.max(x, y)] as const),
    change: fc.record({ kind: fc.constant("cut" as const), part: fc.constantFrom("shortcut", "branch", "none") }),
  });
  const rate = fc.record({
    step: within(LIMITS.target),
    side: who,
    blocks: fc.constant(null),
    change: fc.record({ kind: fc.constant("rate" as const), value: within(LIMITS.learningRate) }),
  });
  return fc
    .array(fc.oneof(cut, rate), { maxLength: 8 })
    .map((list) => (list as Event[]).sort((x, y) => x.step - y.step));
};

const run: fc.Arbitrary<Run> = within(LIMITS.depth).chain((depth) =>
  fc.record({
    depth: fc.constant(depth),
    width: within(LIMITS.width),
    batch: within(LIMITS.batch),
    momentum: within(LIMITS.momentum),
    weightDecay: within(LIMITS.weightDecay),
    seed: within(LIMITS.seed),
    data: fc.constantFrom("digits" as const, "fashion" as const),
    pixels: fc.constantFrom(14 as const, 28 as const),
    a: side,
    b: side,
    events: events(blocksOf(depth)),
  }),
);

const view = (depth: number): fc.Arbitrary<View> =>
  fc.record({
    pace: fc.constantFrom(...PACES),
    walk: fc.option(within(LIMITS.walk)),
    view: fc.constantFrom("gradient" as const, "ratio" as const),
    block: fc.option(fc.integer({ min: 0, max: blocksOf(depth) - 1 })),
    target: fc.option(within(LIMITS.target)),
    fingerprint: fc.option(fc.stringMatching(/^[sp][0-9a-f]{8}$/)),
    drawings: fc.boolean(),
  });

describe("an address", () => {
  test("the default run has none but its version", () => {
    expect(writeAddress(DEFAULT_RUN, DEFAULT_VIEW)).toBe("#v1");
    for (const empty of ["", "#", "#v1"]) {
      expect(readAddress(empty)).toEqual({ run: DEFAULT_RUN, view: DEFAULT_VIEW, notes: [], unknown: [] });
    }
  });

  test("version 1's defaults are what they were when the first link was made", () => {
    expect(JSON.stringify(DEFAULT_RUN)).toBe(
      '{"depth":74,"width":4,"batch":8,"momentum":0.9,"weightDecay":0.0001,"seed":6,"data":"digits","pixels":14,' +
        '"a":{"shortcut":"identity","lambda":0.5,"gateBias":-6,"order":"pre","batchNorm":true,"start":"default","learningRate":0.1},' +
        '"b":{"shortcut":"none","lambda":0.5,"gateBias":-6,"order":"pre","batchNorm":true,"start":"default","learningRate":0.1},"events":[]}',
    );
  });

  test("only what differs is written, under short keys", () => {
    const changed: Run = {
      ...DEFAULT_RUN,
      depth: 20,
      a: { ...DEFAULT_RUN.a, shortcut: "scale", lambda: 0.25, learningRate: 0.05 },
      b: { ...DEFAULT_RUN.b, shortcut: "gate", learningRate: 0.1 },
      events: [
        { step: 450, side: "a", blocks: [7, 7], change: { kind: "cut", part: "shortcut" } },
        { step: 450, side: "b", blocks: [0, 8], change: { kind: "cut", part: "branch" } },
        { step: 600, side: "both", blocks: null, change: { kind: "rate", value: 0.02 } },
        { step: 700, side: "both", blocks: [0, 8], change: { kind: "cut", part: "none" } },
      ],
    };
    const seen: View = {
      ...DEFAULT_VIEW,
      pace: "free",
      walk: 3,
      view: "ratio",
      block: 7,
      target: 400,
      fingerprint: "s9c41d2e0",
    };
    expect(writeAddress(changed, seen)).toBe(
      "#v1&d=20&lr=0.05&a=scale:0.25&za=gate:-6&zlr=0.1&e=450.ac7,450.zk0-8,600.lr0.02,700.j0-8" +
        "&t=400&f=s9c41d2e0&p=free&walk=3&view=ratio&block=7",
    );
  });

  test("read again, it is the run and the view that were written", () => {
    fc.assert(
      fc.property(
        run.chain((r) => fc.tuple(fc.constant(r), view(r.depth))),
        ([r, v]) => {
          const address = readAddress(writeAddress(r, v));
          expect(address.run).toEqual(r);
          expect(address.view).toEqual(v);
          expect(address.notes).toHaveLength(v.drawings ? 1 : 0);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("whatever it says, reading gives a run within the limits, and writing that is read as the same", () => {
    const key = fc.constantFrom(..."d w b lr m wd s x px a o n i za zo zn zi zlr e t f p walk view block q".split(" "));
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.constantFrom("9.ac1e9", "1.c0-99999", "5.lrNaN", "%"),
    );
    const hash = fc.oneof(
      fc.string(),
      fc.array(fc.tuple(key, value)).map((list) => `#v1&${list.map(([k, v]) => `${k}=${v}`).join("&")}`),
    );
    fc.assert(
      fc.property(hash, (text) => {
        const { run: r, view: v, unknown } = readAddress(text);
        for (const name of ["depth", "width", "batch", "momentum", "weightDecay", "seed"] as const) {
          expect(r[name]).toBeGreaterThanOrEqual(LIMITS[name].min);
          expect(r[name]).toBeLessThanOrEqual(LIMITS[name].max);
        }
        expect((r.depth - 2) % 6).toBe(0);
        const again = readAddress(writeAddress(r, v, unknown));
        expect([again.run, again.view]).toEqual([r, v]);
      }),
      { numRuns: 200 },
    );
  });

  test("what is out of range is clamped with a note, what is no value is left at its default with a note", () => {
    const { run: r, notes } = readAddress("#v1&d=75&w=99&lr=abc&a=magic&px=15&e=3.ac99,oops");
    expect([r.depth, r.width, r.a.learningRate, r.a.shortcut, r.pixels]).toEqual([74, 16, 0.1, "identity", 14]);
    expect(r.events).toEqual([{ step: 3, side: "a", blocks: [35, 35], change: { kind: "cut", part: "shortcut" } }]);
    expect(notes).toEqual([
      "The depth 75 is not to be had (8 to 110, in steps of 6): 74 was taken.",
      'The learning rate "abc" is no number: 0.1 was taken.',
      'The shortcut "magic" does not exist: identity was taken.',
      "The width 99 is not to be had (2 to 16): 16 was taken.",
      'The image size "15" does not exist: 14 was taken.',
      "The block 99 is not to be had (0 to 35): 35 was taken.",
      'The change "oops" was not understood, and left out.',
    ]);
  });

  test("unknown keys are kept", () => {
    const { run: r, view: v, unknown } = readAddress("#v1&s=3&future=1&flag");
    expect(unknown).toEqual(["future=1", "flag"]);
    expect(writeAddress(r, v, unknown)).toBe("#v1&s=3&future=1&flag");
  });
});

describe("presets", () => {
  test("each is found again by its address, with another seed and with changes, too", () => {
    for (const preset of PRESETS) {
      const { run: r } = readAddress(writeAddress(preset.run, DEFAULT_VIEW));
      expect(r).toEqual(preset.run);
      expect(matchPreset(r)).toBe(preset);
      const change: Event = { step: 3, side: "a", blocks: [0, 0], change: { kind: "cut", part: "branch" } };
      expect(matchPreset({ ...r, seed: 77, events: [change] })).toBe(preset);
      expect(matchPreset({ ...r, width: 5 })).toBeNull();
    }
  });

  test("the library refuses none of their networks", () => {
    for (const { run: r } of PRESETS) expect([refusal(r, r.a), refusal(r, r.b)]).toEqual([null, null]);
  });
});

describe("a refusal", () => {
  test("is the library's own sentence", () => {
    expect(refusal(DEFAULT_RUN, { ...DEFAULT_RUN.b, start: "zeroInitLast" })).toBe(
      'start "zeroInitLast" needs a shortcut: with "none" a zero branch makes the network zero, and it cannot learn',
    );
    expect(refusal(DEFAULT_RUN, { ...DEFAULT_RUN.a, start: "fixup" })).toBe(
      'start "fixup" is for networks without batch norm: leave batchNorm out, or false',
    );
  });

  test("the plain twin of whatever is not refused is not refused", () => {
    fc.assert(
      fc.property(side, (s) => {
        if (refusal(DEFAULT_RUN, s) === null) expect(refusal(DEFAULT_RUN, plainTwin(s))).toBeNull();
      }),
      { numRuns: 60 },
    );
  });
});
