import { describe, expect, test } from "vitest";
import { lightPalette } from "../../../lab/page/theme.ts";
import {
  type DiagramData,
  diagramHeight,
  diagramLayout,
  drawDiagram,
  hitDiagram,
  lineWidth,
} from "../../../site/lab/draw/diagram.ts";
import { flowLayout, layerX } from "../../../site/lab/draw/flow.ts";
import { networkOf, notingPen, wordsOf } from "./support.ts";

const data: DiagramData = {
  norms: new Float32Array(73).fill(0.01),
  shares: null,
  kinds: null,
  lambda: null,
  bottom: -10,
  chosen: null,
  hover: null,
  phase: null,
};
const layoutOf = (depth: number, width: number, side: "a" | "b" = "a", shortcut = "identity") => {
  const network = networkOf(depth, shortcut);
  return diagramLayout(network, side, { width, height: diagramHeight(network.blocks.length, width) });
};

describe("hit test", () => {
  const cases = [8, 74, 110].flatMap((depth) =>
    [300, 390, 700, 820, 1150, 1200].map((width) => [depth, width] as const),
  );
  test.each(cases)("%i layers on %i px: every arc and every box", (depth, width) => {
    for (const side of ["a", "b"] as const) {
      const layout = layoutOf(depth, width, side);
      layout.blocks.forEach((place, block) => {
        expect(hitDiagram(layout, place.middle, layout.trunk)).toEqual({ block, part: "branch" });
        const top = layout.trunk + layout.way * layout.rise;
        expect(hitDiagram(layout, place.middle, top)).toEqual({ block, part: "shortcut" });
        // Along the arc, away from the trunk.
        for (let i = 4; i < 15; i++) {
          const [x, y] = [place.arc![2 * i]!, place.arc![2 * i + 1]!];
          expect(hitDiagram(layout, x, y)).toEqual({ block, part: "shortcut" });
        }
      });
      expect(hitDiagram(layout, 0, layout.trunk)).toBeNull();
      expect(hitDiagram(layout, width / 2, -1)).toBeNull();
    }
  });

  test("a plain network has no arcs to hit", () => {
    const layout = layoutOf(74, 1150, "b", "none");
    for (const place of layout.blocks) {
      expect(hitDiagram(layout, place.middle, layout.size.height - 4)!.part).toBe("branch");
    }
  });
});

describe("layout", () => {
  test("a block stands over its layers in the chart", () => {
    const layout = layoutOf(74, 1150);
    const chart = flowLayout(73, { width: 1150, height: 290 });
    layout.blocks.forEach((place, i) => {
      expect(place.middle).toBeCloseTo((layerX(chart, 1 + 2 * i) + layerX(chart, 2 + 2 * i)) / 2, 6);
    });
  });

  test("arcs go up above and down below, inside the picture", () => {
    for (const side of ["a", "b"] as const) {
      const { blocks, trunk, size } = layoutOf(74, 1150, side);
      for (const { arc } of blocks) {
        for (let i = 1; i < arc!.length; i += 2) {
          expect(side === "a" ? trunk - arc![i]! : arc![i]! - trunk).toBeGreaterThanOrEqual(-1e-9);
          expect(arc![i]!).toBeGreaterThan(0);
          expect(arc![i]!).toBeLessThan(size.height);
        }
      }
    }
  });

  test("boxes at 74 layers and 1150 px, dots at 350", () => {
    expect([layoutOf(74, 1150).dots, layoutOf(74, 350).dots, layoutOf(8, 350).dots]).toEqual([false, true, false]);
  });
});

describe("drawing", () => {
  test("width is the log of the gradient, between a hair and seven pixels", () => {
    expect(lineWidth(1e-5, -10, 100)).toBeCloseTo(3.5, 9);
    expect(lineWidth(1e9, -10, 100)).toBe(7);
    expect(lineWidth(1e-10, -10, 100)).toBe(0.6);
    expect(lineWidth(Number.POSITIVE_INFINITY, -10, 100)).toBe(7);
  });

  test("under a millionth of the last layer's: dotted; zero: a cross", () => {
    const norms = new Float32Array(73).fill(0.01);
    norms.fill(1e-9, 0, 30);
    const drawn = (own: Float32Array) => {
      const { pen, calls } = notingPen();
      drawDiagram({ ...data, norms: own }, layoutOf(74, 1150, "b", "none"), lightPalette, pen);
      return calls;
    };
    const dotted = drawn(norms).filter(({ kind, args }) => kind === "line" && (args[1] as { dash?: number[] }).dash);
    // The inputs of blocks 0 to 14 are layers 0, 2 … 28.
    expect(dotted).toHaveLength(15);
    expect(wordsOf(drawn(norms))).not.toContain("×");
    norms.fill(0, 0, 30);
    expect(wordsOf(drawn(norms))).toContain("×");
  });

  test("scissors where a shortcut is cut, and its arc is gone", () => {
    const network = networkOf(74);
    const cut = {
      ...network,
      blocks: network.blocks.map((row, i) => (i === 5 ? { ...row, cut: "shortcut" as const } : row)),
    };
    const layout = diagramLayout(cut, "a", { width: 1150, height: 70 });
    const { pen, calls } = notingPen();
    drawDiagram(data, layout, lightPalette, pen);
    expect(wordsOf(calls).filter((words) => words === "✂")).toHaveLength(1);
    const arcs = calls.filter(({ kind, args }) => kind === "line" && (args[0] as number[]).length === 38);
    const whole = arcs.filter(({ args }) => !(args[0] as number[]).some(Number.isNaN));
    expect([arcs.length, whole.length]).toEqual([36, 35]);
  });

  test("behind a cut branch, to which no gradient comes, the arc has the trunk's", () => {
    const norms = new Float32Array(73).fill(0.01);
    norms.fill(0, 11, 13); // The convolutions of block 5.
    const network = networkOf(74);
    const blocks = network.blocks.map((row, i) => (i === 5 ? { ...row, cut: "branch" as const } : row));
    const layout = diagramLayout({ ...network, blocks }, "a", { width: 1150, height: 70 });
    const { pen, calls } = notingPen();
    drawDiagram({ ...data, norms, shares: new Float32Array(36).fill(0.5) }, layout, lightPalette, pen);
    const arcs = calls.filter(({ kind, args }) => kind === "line" && (args[0] as number[]).length === 38);
    const widths = arcs.map(({ args }) => (args[1] as { width: number }).width);
    expect(widths).toHaveLength(36);
    expect(widths[6]).toBe(widths[7]);
  });

  test("signs of the certificate, λ on the arcs of a short network", () => {
    const { pen, calls } = notingPen();
    drawDiagram(
      { ...data, kinds: ["scale", "scale", "mask"], lambda: 0.5 },
      layoutOf(8, 700, "a", "scale"),
      lightPalette,
      pen,
    );
    expect(wordsOf(calls)).toEqual(expect.arrayContaining(["×0.5", "×", "◐"]));
  });

  test("dashes only while a phase is given", () => {
    const dashes = (phase: number | null): number => {
      const { pen, calls } = notingPen();
      drawDiagram({ ...data, phase }, layoutOf(74, 1150), lightPalette, pen);
      return calls.filter(({ kind, args }) => kind === "line" && (args[1] as { offset?: number }).offset === phase)
        .length;
    };
    expect(dashes(3)).toBeGreaterThan(30);
    const { pen, calls } = notingPen();
    drawDiagram(data, layoutOf(74, 1150), lightPalette, pen);
    expect(calls.some(({ kind, args }) => kind === "line" && (args[1] as { dash?: number[] }).dash)).toBe(false);
  });
});
