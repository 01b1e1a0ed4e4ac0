/**
 * The maps of what slides over images: windows, filters, and the pixels that resizing reads. edge-maps.ts has the others.
 */
import type { Node } from "../autograd/graph.ts";
import type { ConvGeometry } from "../tensor/geometry/conv.ts";
import type { ResampleGeometry, Taps } from "../tensor/geometry/interpolate.ts";
import type { PoolGeometry, PoolWindows } from "../tensor/geometry/pool.ts";
import { peek } from "../tensor/tensor.ts";
import { isPowerOfTwo, type LinearMap, summing } from "./linear-map.ts";

/** Rows of windows over planes: the first largest pixel of each, or all of them with equal factors. */
export function pooled({ inputs: [x], output }: Node, g: PoolGeometry, kind: "max" | "average"): LinearMap {
  const values = peek(x);
  let exact = true;
  const taps = function* ({ start, count, step }: PoolWindows, i: number): Generator<number> {
    for (let u = 0; u < count[i]; u++) yield start[i] + u * step;
  };
  const terms = function* (row: number): Generator<readonly [number, number]> {
    const j = row % g.Wo;
    const i = Math.floor(row / g.Wo) % g.Ho;
    const plane = Math.floor(row / (g.Wo * g.Ho)) * g.H * g.W;
    const divisor = g.rows.divisor[i] * g.columns.divisor[j];
    if (kind === "average" && !isPowerOfTwo(divisor)) exact = false;
    for (const h of taps(g.rows, i)) {
      for (const w of taps(g.columns, j)) {
        const column = plane + h * g.W + w;
        if (kind === "average") yield [column, 1 / divisor];
        else if (Object.is(values[column], peek(output)[row])) {
          yield [column, 1];
          return;
        }
      }
    }
  };
  const map = summing(output.size, terms, true);
  return map.kind === "rows" ? { ...map, exact: map.exact && exact } : map;
}

/** The mean of each plane. */
export function averaged({ inputs: [x], output }: Node): LinearMap {
  const count = x.size / output.size;
  const terms = (row: number) => Array.from({ length: count }, (_, k) => [row * count + k, 1 / count] as const);
  return summing(output.size, terms, isPowerOfTwo(count));
}

/** A convolution with filters that no parameter has a part in. */
export function convolved({ inputs: [, w], output, attributes }: Node): LinearMap {
  const g = attributes as ConvGeometry;
  const filters = peek(w);
  const terms = function* (row: number): Generator<readonly [number, number]> {
    const j = row % g.Wo;
    const i = Math.floor(row / g.Wo) % g.Ho;
    const o = Math.floor(row / g.L) % g.O;
    const n = Math.floor(row / (g.L * g.O));
    for (let c = 0; c < g.Cg; c++) {
      const channel = (n * g.C + Math.floor(o / g.Og) * g.Cg + c) * g.H;
      for (let u = 0; u < g.kh; u++) {
        const h = i * g.sh - g.ph + u * g.dh;
        for (let v = 0; v < g.kw; v++) {
          const x = j * g.sw - g.pw + v * g.dw;
          if (h < 0 || h >= g.H || x < 0 || x >= g.W) continue;
          yield [(channel + h) * g.W + x, filters[((o * g.Cg + c) * g.kh + u) * g.kw + v]];
        }
      }
    }
  };
  return summing(output.size, terms, true);
}

/** A transposed convolution: row (c, h, w) meets pixel (o, i, j) where i·s + u·d − p = h, and likewise along the columns. */
export function convolvedBack({ inputs: [, w], output, attributes }: Node): LinearMap {
  const g = attributes as ConvGeometry;
  const filters = peek(w);
  const terms = function* (row: number): Generator<readonly [number, number]> {
    const x = row % g.W;
    const h = Math.floor(row / g.W) % g.H;
    const c = Math.floor(row / (g.H * g.W)) % g.C;
    const n = Math.floor(row / (g.H * g.W * g.C));
    const group = Math.floor(c / g.Cg);
    for (let o = group * g.Og; o < (group + 1) * g.Og; o++) {
      for (let u = 0; u < g.kh; u++) {
        const i = (h + g.ph - u * g.dh) / g.sh;
        for (let v = 0; v < g.kw; v++) {
          const j = (x + g.pw - v * g.dw) / g.sw;
          if (!Number.isInteger(i) || !Number.isInteger(j) || i < 0 || i >= g.Ho || j < 0 || j >= g.Wo) continue;
          const weight = filters[((o * g.Cg + (c % g.Cg)) * g.kh + u) * g.kw + v];
          yield [((n * g.O + o) * g.Ho + i) * g.Wo + j, weight];
        }
      }
    }
  };
  return summing(output.size, terms, true);
}

/** Rows of weighted pixels. */
export function resampled({ output }: Node, g: ResampleGeometry): LinearMap {
  const taps = function* ({ starts, offsets, weights }: Taps, i: number): Generator<readonly [number, number]> {
    for (let k = offsets[i]; k < offsets[i + 1]; k++) yield [starts[i] + k - offsets[i], weights[k]];
  };
  const terms = function* (row: number): Generator<readonly [number, number]> {
    const plane = Math.floor(row / (g.Ho * g.Wo)) * g.H;
    for (const [h, a] of taps(g.rows, Math.floor(row / g.Wo) % g.Ho)) {
      for (const [w, b] of taps(g.columns, row % g.Wo)) yield [(plane + h) * g.W + w, a * b];
    }
  };
  // The weights are float32: float64 has room for the product of two.
  return summing(output.size, terms, true);
}
