import { describe, expect, test } from "vitest";
import { lightPalette } from "../../../lab/page/theme.ts";
import { bordersOf, drawFlow, type FlowData, flowLayout, layerAt, layerX } from "../../../site/lab/draw/flow.ts";
import {
  GRADIENT_AXIS,
  grown,
  linearTicks,
  logPlace,
  logTicks,
  powerOfTen,
  stepsShown,
} from "../../../site/lab/draw/scale.ts";
import { networkOf, notingPen, wordsOf } from "./support.ts";

const flat = (layers: number, value: number) => {
  const values = new Float32Array(layers).fill(value);
  return { now: values, median: values, low: values.map((v) => v / 2), high: values.map((v) => v * 2) };
};
const size = { width: 1150, height: 290 };
const base: FlowData = {
  view: "gradient",
  a: flat(73, 0.01),
  b: flat(73, 1e-8),
  names: { a: "with", b: "without" },
  axis: GRADIENT_AXIS,
  reference: 0.01,
  borders: [25, 49],
  hover: null,
};

describe("scales", () => {
  test("an axis grows by pairs of powers of ten and never shrinks", () => {
    expect(grown(GRADIENT_AXIS, [1, 1e-9])).toBe(GRADIENT_AXIS);
    const wide = grown(GRADIENT_AXIS, [3e-12, 2e4]);
    expect(wide).toEqual({ bottom: -12, top: 6 });
    expect(grown(wide, [1])).toBe(wide);
    expect(grown(GRADIENT_AXIS, [0, Number.NaN, Number.POSITIVE_INFINITY])).toBe(GRADIENT_AXIS);
  });

  test("places: ends, the middle, and none for what has no logarithm", () => {
    expect(logPlace({ bottom: -2, top: 2 }, 1, 100, 0)).toBeCloseTo(50, 9);
    expect(logPlace({ bottom: -2, top: 2 }, 100, 100, 0)).toBeCloseTo(0, 9);
    for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(logPlace(GRADIENT_AXIS, value, 100, 0)).toBeNaN();
    }
  });

  test("ticks: round, within, as many as have room", () => {
    expect(linearTicks(0, 2.6, 3)).toEqual([0, 1, 2]);
    expect(logTicks(GRADIENT_AXIS, 200)).toEqual([-10, -8, -6, -4, -2, 0, 2, 4]);
    expect(logTicks(GRADIENT_AXIS, 100)).toEqual([-8, -4, 0, 4]);
    expect([-12, 0, 1, 4].map(powerOfTen)).toEqual(["10⁻¹²", "1", "10", "10⁴"]);
    expect([1, 400, 401, 5000].map((step) => stepsShown(step))).toEqual([400, 400, 800, 6400]);
  });
});

describe("the gradient at every layer", () => {
  test.each([8, 74, 110])("%i layers: x rises from layer to layer, and the pointer finds each", (depth) => {
    for (const width of [300, 700, 1200]) {
      const layout = flowLayout(depth - 1, { width, height: 260 });
      for (let layer = 0; layer < depth - 1; layer++) {
        expect(layerAt(layout, layerX(layout, layer))).toBe(layer);
        expect(layerX(layout, layer)).toBeGreaterThan(layout.left);
        expect(layerX(layout, layer)).toBeLessThan(layout.right);
      }
      expect(layerAt(layout, layout.left - 1)).toBeNull();
    }
  });

  test("borders are where a block has a stride", () => expect(bordersOf(networkOf(74))).toEqual([25, 49]));

  test("strips of 0 and ∞ are always there", () => {
    const { pen, calls } = notingPen();
    drawFlow(base, size, lightPalette, pen);
    expect(wordsOf(calls)).toEqual(expect.arrayContaining(["0", "∞", "with", "without"]));
    expect(wordsOf(calls).some((words) => words.startsWith("vanishing"))).toBe(true);
  });

  test("exactly zero and NaN are crosses in their strips, one per layer, and break no line", () => {
    const now = new Float32Array(73).fill(1e-8);
    now[3] = 0;
    now[4] = Number.NaN;
    const { pen, calls } = notingPen();
    drawFlow({ ...base, b: { ...base.b!, now } }, size, lightPalette, pen);
    const layout = flowLayout(73, size);
    const crosses = calls.filter(({ kind, args }) => kind === "line" && (args[0] as number[]).length === 10);
    const places = crosses.map(({ args }) => (args[0] as number[])[1]! + 3);
    expect(places).toEqual([layout.zero, layout.infinity]);
  });

  test("a median of zero lifts the line; the band stays in the plot", () => {
    const median = new Float32Array(73).fill(1e-8);
    median.fill(0, 0, 40);
    const low = median.map((value) => value / 2);
    const { pen, calls } = notingPen();
    drawFlow(
      { ...base, a: null, b: { now: median, median, low, high: flat(73, 1e-7).median } },
      size,
      lightPalette,
      pen,
    );
    const lines = calls.filter(({ kind, args }) => kind === "line" && (args[0] as number[]).length === 146);
    expect(lines).toHaveLength(1);
    expect((lines[0]!.args[0] as number[]).filter(Number.isNaN)).toHaveLength(40);
    const bands = calls.filter(({ kind, args }) => kind === "area" && (args[0] as number[]).length === 292);
    expect(bands).toHaveLength(1);
    for (const y of bands[0]!.args[0] as number[]) expect(y).not.toBeNaN();
  });

  test("upper network full, lower one dashed; the hover rule stands at its layer", () => {
    const { pen, calls } = notingPen();
    drawFlow({ ...base, hover: 20 }, size, lightPalette, pen);
    const curves = calls.filter(({ kind, args }) => kind === "line" && (args[0] as number[]).length === 146);
    const styles = curves.map(({ args }) => args[1] as { color: string; dash?: number[] });
    expect(styles.find(({ color }) => color === lightPalette.residual)!.dash).toBeUndefined();
    expect(styles.find(({ color }) => color === lightPalette.plain)!.dash).toBeDefined();
    const x = layerX(flowLayout(73, size), 20);
    const rules = calls.filter(({ kind, args }) => {
      const points = args[0] as number[];
      return kind === "line" && points.length === 4 && points[0] === x && points[2] === x;
    });
    expect(rules).toHaveLength(1);
  });

  test("nothing measured yet, and no reference, can be drawn", () => {
    const { pen, calls } = notingPen();
    drawFlow({ ...base, a: null, b: null, reference: null }, size, lightPalette, pen);
    expect(wordsOf(calls)).toContain("0");
  });
});
