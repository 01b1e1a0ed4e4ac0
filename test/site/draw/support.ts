/** Networks, curves and a pen that notes what is drawn, for the tests of the figures. */
import type { Pen } from "../../../site/lab/draw/pen.ts";
import type { NetworkRow } from "../../../site/lab/protocol.ts";

/** A network of 6n + 2 layers as a worker tells it. */
export function networkOf(depth: number, shortcut = "identity"): NetworkRow {
  const each = (depth - 2) / 6;
  return {
    layers: ["conv1", ...Array.from({ length: depth - 2 }, (_, i) => `layer.${i}`)],
    parameters: 1,
    tier: "plain",
    blocks: Array.from({ length: 3 * each }, (_, i) => {
      const first = i > 0 && i % each === 0;
      return {
        path: `layer${1 + Math.floor(i / each)}.${i % each}`,
        stage: Math.floor(i / each),
        inChannels: first ? 4 : 8,
        outChannels: 8,
        stride: first ? 2 : 1,
        pixels: 14,
        shortcut,
        order: "pre",
        layers: [1 + 2 * i, 2 + 2 * i],
        cut: "none" as const,
      };
    }),
  };
}

export type Call = { readonly kind: keyof Pen; readonly args: readonly unknown[] };

/** A pen that keeps copies of its calls. */
export function notingPen(): { readonly pen: Pen; readonly calls: Call[] } {
  const calls: Call[] = [];
  const note =
    (kind: keyof Pen) =>
    (...args: unknown[]): void => {
      calls.push({ kind, args: args.map((arg) => (arg instanceof Float64Array ? [...arg] : arg)) });
    };
  const pen = {
    line: note("line"),
    area: note("area"),
    rect: note("rect"),
    circle: note("circle"),
    text: note("text"),
    image: note("image"),
    clip: (_x: number, _y: number, _w: number, _h: number, draw: () => void) => draw(),
  };
  return { pen, calls };
}

/** The words of a drawing. */
export function wordsOf(calls: readonly Call[]): string[] {
  return calls.filter(({ kind }) => kind === "text").map(({ args }) => args[2] as string);
}
