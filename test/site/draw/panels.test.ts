import { describe, expect, test } from "vitest";
import { darkPalette, lightPalette } from "../../../lab/page/theme.ts";
import { drawBars } from "../../../site/lab/draw/bars.ts";
import { answerOf, digitsLayout, drawDigits, hitDigit } from "../../../site/lab/draw/digits.ts";
import { COLUMNS, drawHistory, historyPlot, hitHistory, Strip } from "../../../site/lab/draw/history.ts";
import { drawLoss, LOSS_TOP, lossEnd, lossPlot, runningMean, stepAt } from "../../../site/lab/draw/loss.ts";
import { drawPad } from "../../../site/lab/draw/pad.ts";
import { drawTiles, largestOf, tilesLayout } from "../../../site/lab/draw/tiles.ts";
import { viridis } from "../../../site/lab/draw/viridis.ts";
import { notingPen, wordsOf } from "./support.ts";

const names = { a: "with", b: "without" };

describe("every layer at every step", () => {
  const pixel = (strip: Strip, column: number, layer: number): number[] => {
    const at = 4 * ((strip.layers - 1 - layer) * strip.picture.width + column);
    return [...strip.picture.data.subarray(at, at + 4)];
  };

  test("a column per step, the loss above; what is not measured repeats the column before", () => {
    const strip = new Strip(3);
    strip.add(0, [1, 10, 1]);
    strip.add(3, [1e-8, 1, 1]);
    expect([strip.columns, strip.at(0, 1), strip.at(2, 1), strip.at(4, 1)]).toEqual([4, 10, 10, Number.NaN]);
    expect(pixel(strip, 2, 1)).toEqual(pixel(strip, 0, 1));
    // The end of the range is the darkest colour.
    expect(pixel(strip, 3, 0)).toEqual([0x44, 0x01, 0x54, 255]);
    expect(pixel(strip, 4, 0)[3]).toBe(0);
  });

  test("at 400 columns two become one; values stay those of their step", () => {
    const strip = new Strip(1 + 1);
    for (let step = 0; step <= COLUMNS; step++) strip.add(step, [step, 1]);
    expect([strip.stepsPerColumn, strip.columns]).toEqual([2, 201]);
    for (const step of [0, 2, 100, 398, 400]) expect(strip.at(step, 0)).toBe(step);
    strip.add(5000, [7, 1]);
    expect(strip.stepsPerColumn).toBe(16);
    expect(strip.at(5000, 0)).toBe(7);
    expect(strip.columns).toBe(Math.floor(5000 / 16) + 1);
  });

  test("zero is dark, infinite bright, NaN grey", () => {
    const strip = new Strip(4);
    strip.add(0, [0, Number.POSITIVE_INFINITY, Number.NaN, 1]);
    expect([0, 1, 2].map((layer) => pixel(strip, 0, layer))).toEqual([
      [0x44, 0x01, 0x54, 255],
      [0xfd, 0xe7, 0x25, 255],
      [128, 128, 128, 255],
    ]);
  });

  test("viridis gets lighter all the way", () => {
    const light = Array.from({ length: 50 }, (_, i) => {
      const color = new Uint8ClampedArray(4);
      viridis(i / 49, color, 0);
      return 0.2126 * color[0]! + 0.7152 * color[1]! + 0.0722 * color[2]!;
    });
    for (let i = 1; i < 50; i++) expect(light[i]!).toBeGreaterThan(light[i - 1]!);
  });

  test("the pointer finds network, step and layer", () => {
    const size = { width: 370, height: 200 };
    const strip = new Strip(10);
    for (let step = 0; step < 100; step++) strip.add(step, [...Array(9).fill(step), 1]);
    const data = { a: strip, b: strip, names, hover: null };
    for (const side of ["a", "b"] as const) {
      const plot = historyPlot(side, size);
      const x = plot.left + (50.5 / COLUMNS) * (plot.right - plot.left);
      expect(hitHistory(data, size, x, plot.top + 1)).toEqual({ side, step: 50, layer: 9, value: 1 });
      expect(hitHistory(data, size, x, plot.bottom - 1)).toEqual({ side, step: 50, layer: 0, value: 50 });
      expect(hitHistory(data, size, plot.right - 5, plot.top + 1)).toBeNull();
    }
    const { pen, calls } = notingPen();
    drawHistory(data, size, lightPalette, pen);
    expect(wordsOf(calls)).toEqual(expect.arrayContaining(["with", "without", "10⁻⁸", "10⁴"]));
    expect(calls.filter(({ kind }) => kind === "image")).toHaveLength(3);
  });
});

describe("loss", () => {
  const size = { width: 370, height: 200 };
  const seriesOf = (losses: readonly number[]) => {
    let mean = Number.NaN;
    const means = losses.map((loss) => (mean = runningMean(mean, loss)));
    return {
      length: losses.length,
      step: (i: number) => i,
      loss: (i: number) => losses[i]!,
      mean: (i: number) => means[i]!,
    };
  };
  const drawn = (losses: readonly number[], marks: Parameters<typeof drawLoss>[0]["marks"] = []) => {
    const { pen, calls } = notingPen();
    const data = { a: seriesOf(losses), b: null, names, marks, hover: null };
    drawLoss(data, size, lightPalette, pen);
    return { calls, data };
  };

  test("running mean by hand", () => {
    expect(runningMean(Number.NaN, 2)).toBe(2);
    expect(runningMean(2, 3)).toBeCloseTo(2.08, 12);
  });

  test("the axis doubles; guessing lies at ln 10", () => {
    expect(lossEnd(drawn(Array(401).fill(2)).data)).toBe(400);
    const { data, calls } = drawn(Array(402).fill(2));
    expect(lossEnd(data)).toBe(800);
    const plot = lossPlot(size);
    expect(stepAt(data, size, plot.right)).toBe(800);
    expect(stepAt(data, size, plot.left - 1)).toBeNull();
    const y = plot.bottom - (Math.log(10) / LOSS_TOP) * (plot.bottom - plot.top);
    const rule = calls.filter(({ kind, args }) => kind === "line" && Math.abs((args[0] as number[])[1]! - y) < 1e-9);
    expect(rule).toHaveLength(1);
    expect(wordsOf(calls)).toContain("guessing");
  });

  test("marks of cuts and rates; arrows where the mean leaves the plot", () => {
    const marks = [
      { step: 10, kind: "cut", label: "all" },
      { step: 20, kind: "rate", label: "0.02" },
    ] as const;
    const { calls } = drawn([11, 10, 9], marks);
    expect(wordsOf(calls)).toEqual(expect.arrayContaining(["✂ all", "η 0.02"]));
    expect(calls.filter(({ kind }) => kind === "area")).toHaveLength(1);
    expect(drawn([2, 2]).calls.filter(({ kind }) => kind === "area")).toHaveLength(0);
  });

  test("beyond 2,000 steps: one upright line per pixel, and no peak is lost", () => {
    const losses = Array.from({ length: 6000 }, (_, i) => (i === 3333 ? 2.5 : 1));
    const { calls } = drawn(losses);
    const plot = lossPlot(size);
    const thin = calls.filter(
      ({ kind, args }) => kind === "line" && (args[1] as { opacity?: number }).opacity === 0.35,
    );
    expect(thin).toHaveLength(1);
    const points = thin[0]!.args[0] as number[];
    const top = plot.bottom - (2.5 / LOSS_TOP) * (plot.bottom - plot.top) - 1;
    const ys = points.filter((value, i) => i % 2 === 1 && !Number.isNaN(value));
    expect(Math.min(...ys)).toBeCloseTo(top, 6);
    expect(points.length).toBeLessThan(6 * 400);
  });

  test("a loss that is not a number lifts the line", () => {
    const { calls } = drawn([2, Number.NaN, 2]);
    expect(calls.length).toBeGreaterThan(0);
  });
});

describe("digits", () => {
  const labels = Uint8Array.from({ length: 12 }, (_, i) => i % 10);
  const images = new Uint8Array(12 * 4).fill(200);
  test.each([300, 350, 700, 1150])("twelve on %i px: all inside, the pointer finds each", (width) => {
    const size = { width, height: 200 };
    const { columns, width: w, height: h, side } = digitsLayout(12, size);
    expect(12 % columns).toBe(0);
    expect(side).toBeGreaterThanOrEqual(24);
    for (let i = 0; i < 12; i++) {
      const [x, y] = [((i % columns) + 0.5) * w, (Math.floor(i / columns) + 0.5) * h];
      expect(hitDigit(12, size, x, y)).toBe(i);
      expect(y + h / 2).toBeLessThanOrEqual(200.001);
    }
    expect(hitDigit(12, size, width + 1, 1)).toBeNull();
  });

  test("answers with ✓ and ✗, paler when less sure", () => {
    const a = new Float32Array(120);
    for (let i = 0; i < 12; i++) a[10 * i + 1] = i === 1 ? 1 : 0.4;
    expect([answerOf(a, 1)[0], answerOf(a, 1)[1]]).toEqual([1, 1]);
    const { pen, calls } = notingPen();
    drawDigits({ pixels: 2, images, labels, a, b: null, chosen: null }, { width: 350, height: 200 }, darkPalette, pen);
    const words = wordsOf(calls);
    // Labels 1 and, at place 11, 1 again.
    expect(words.filter((word) => word === "1 ✓")).toHaveLength(2);
    expect(words.filter((word) => word === "1 ✗")).toHaveLength(10);
    expect(words.filter((word) => word === "·")).toHaveLength(12);
    const opacities = calls
      .filter(({ kind, args }) => kind === "text" && args[2] === "1 ✓")
      .map(({ args }) => (args[3] as { opacity: number }).opacity);
    expect(opacities[0]!).toBeGreaterThan(opacities[1]!);
  });
});

describe("tiles, bars, pad", () => {
  test("tiles share one scale: the largest is full colour, zero white, NaN left out", () => {
    const tiles = { side: 1, count: 3, values: Float32Array.of(-2, 0, 1) };
    expect(largestOf({ ...tiles, values: Float32Array.of(Number.NaN, -3) })).toBe(3);
    const { pen, calls } = notingPen();
    drawTiles({ tiles, title: "filters" }, { width: 200, height: 100 }, lightPalette, pen);
    const colors = calls
      .filter(({ kind }) => kind === "image")
      .map(({ args }) => [...(args[4] as { data: Uint8ClampedArray }).data.subarray(0, 3)]);
    expect(colors[0]).toEqual([0x00, 0x5a, 0x96]);
    expect(colors[1]).toEqual([255, 255, 255]);
    expect(colors[2]![0]!).toBeGreaterThan(colors[2]![2]!);
    expect(wordsOf(calls)).toContain("blue −2, white 0, orange 2");
    expect(16 % tilesLayout(16, { width: 220, height: 150 }).columns).toBe(0);
  });

  test("ten pairs of bars; unknown ones are left out", () => {
    const { pen, calls } = notingPen();
    const a = new Float32Array(10);
    a[7] = 1;
    const data = { a, b: null, names, classes: [..."0123456789"], label: 7 };
    drawBars(data, { width: 300, height: 150 }, lightPalette, pen);
    const bars = calls.filter(({ kind, args }) => kind === "rect" && (args[3] as number) > 20);
    expect(bars).toHaveLength(1);
    expect(bars[0]!.args[3]).toBe(150 - 22 - 26);
  });

  test("pad: an invitation, strokes, or the picture with its saliency", () => {
    const drawn = (data: Partial<Parameters<typeof drawPad>[0]>) => {
      const { pen, calls } = notingPen();
      const empty = { strokes: [], pen: 0.09, picture: null, pixels: 2, saliency: null };
      drawPad({ ...empty, ...data }, { width: 100, height: 120 }, lightPalette, pen);
      return calls;
    };
    expect(wordsOf(drawn({}))).toEqual(["draw a digit"]);
    expect(drawn({ strokes: [[0.5, 0.5]] }).some(({ kind }) => kind === "circle")).toBe(true);
    const picture = Float32Array.of(0, 1, 0.5, 0);
    expect(drawn({ picture }).filter(({ kind }) => kind === "image")).toHaveLength(1);
    expect(drawn({ picture, saliency: new Float32Array(4) }).filter(({ kind }) => kind === "image")).toHaveLength(1);
    const overlay = drawn({ picture, saliency: Float32Array.of(0, -1, 0.5, 0) }).filter(
      ({ kind }) => kind === "image",
    )[1]!;
    const { data } = overlay.args[4] as { data: Uint8ClampedArray };
    expect([3, 7, 15].map((at) => data[at])).toEqual([0, 235, 0]);
  });
});
