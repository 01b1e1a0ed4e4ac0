/**
 * A matrix product whose operands are read through tables (tables.ts). A is packed as a whole, B block by block:
 *
 *   for each NC columns, for each KC terms:        B's block is packed (256 KiB, a quarter of L2)
 *     for each MC rows:                            tiles; after the last terms what follows, while C's part is in L2
 *
 * MC keeps a part of A (120 KiB) in L2 while all columns pass it: a layer's filters are larger than that (2048 × 512: 4 MiB),
 * and come from memory.
 * Next: im2col.ts, which makes convolutions of it.
 */
import { GRAIN } from "../loops.ts";
import { multiplyPacked, PRODUCT_GRAIN, partFunction, spareFloats, tilesFunction } from "../matmul.ts";
import { NARROW_COLUMNS, narrowFunction, TILE_COLUMNS, tileFunction, tileRows } from "../matmul-kernel.ts";
import { copyRowsFunction } from "../shape.ts";
import type { Func } from "../wasm/assembler.ts";
import type { Call, Engine, Program } from "../wasm/engine.ts";
import type { Features } from "../wasm/features.ts";
import {
  gatherFunction,
  gatherRunsFunction,
  gatherWideFunction,
  padFunction,
  scatterFunction,
  writeTable,
} from "./tables.ts";

const MC = 120;
const KC = 256;
const NC = 256;
/** Panels of B that are packed together where they are neighbours: two whole cache lines of each step. */
const WIDE = 4;

export type Functions = Program<
  | "tile"
  | "tiles"
  | "part"
  | "pad"
  | "gatherRows"
  | "gatherColumns"
  | "gatherRunsColumns"
  | "gatherWideColumns"
  | "scatter"
  | "copyRows"
>;

/** A matrix read through tables: element (line, step) is at base + lines[line] + steps[step]. */
export interface TableMatrix {
  /** Addresses of the tables, in bytes; the table of lines is filled up to a whole panel with its last entry. */
  readonly lines: number;
  readonly steps: number;
  readonly lineCount: number;
  readonly stepCount: number;
  /** How the lines of each panel lie. */
  readonly lies: Uint8Array;
}

/** Lines of a panel that are neighbours four by four; and those that begin WIDE panels of nothing but neighbours. */
const RUNS = 1;
const LONG_RUN = 2;

export function tableMatrix(
  engine: Engine,
  call: Call,
  lines: ArrayLike<number>,
  steps: ArrayLike<number>,
  width: number,
): TableMatrix {
  const panels = Math.ceil(lines.length / width);
  const lies = new Uint8Array(panels);
  /** Neighbours from the panel's first line on. */
  let run = 0;
  for (let panel = Math.floor(lines.length / width) - 1; panel >= 0 && width % 4 === 0; panel--) {
    const first = panel * width;
    let runs = true;
    if (lines[first + width] !== lines[first + width - 1] + 1) run = 0;
    for (let i = first + width - 1; i >= first; i--) {
      run++;
      if (i > first && lines[i] !== lines[i - 1] + 1) {
        if (i % 4 !== 0) runs = false;
        run = 0;
      }
    }
    lies[panel] = run >= WIDE * width ? LONG_RUN : runs ? RUNS : 0;
  }
  return {
    lines: writeTable(engine, call, lines, { length: panels * width }),
    steps: writeTable(engine, call, steps),
    lineCount: lines.length,
    stepCount: steps.length,
    lies,
  };
}

/** One product c → A·B, or c → c + A·B. */
export interface Operands {
  /** Where A is packed. */
  readonly a: number;
  /** Where B's tables start. */
  readonly base: number;
  /** The result `[m, n]`, rows `rowFloats` apart. */
  readonly c: number;
  readonly rowFloats: number;
  readonly accumulate?: boolean;
  /** Called when some rows and columns of c have got their last terms. */
  readonly finish?: (row: number, rows: number, column: number, columns: number) => void;
}

/** A block of B: its columns and its terms. */
interface Block {
  readonly j: number;
  readonly nc: number;
  readonly p: number;
  readonly kc: number;
}

export class TableProduct {
  /** Floats of a packed A. */
  readonly packedFloats: number;
  /** Floats of a packed block of B. */
  readonly blockFloats: number;
  /** Floats of scratch of `multiply`. */
  readonly scratchFloats: number;
  /** Blocks of B's columns, and the columns of each but the last. */
  readonly columnBlocks: number;
  readonly blockColumns: number;
  readonly #functions: Functions;
  readonly #rows: TableMatrix;
  readonly #columns: TableMatrix;
  readonly #R: number;
  /**
   * Where the last panel of columns is half empty, or more. Without multiply-add it does not pay (Node 20, 49 columns: 1.05
   * times the whole tile's time; Node 26: 0.95).
   */
  readonly #narrow: ((...args: number[]) => void) | null;

  /** @param parts at least so many blocks of columns, for as many threads, if there are so many panels. */
  constructor(engine: Engine, rows: TableMatrix, columns: TableMatrix, parts = 1) {
    this.#functions = tableFunctions(engine);
    this.#rows = rows;
    this.#columns = columns;
    this.#R = tileRows(engine.features);
    const rest = columns.lineCount % TILE_COLUMNS;
    this.#narrow =
      engine.features.multiplyAdd && rest > 0 && rest <= NARROW_COLUMNS
        ? engine.program<"narrow">("narrow", (features) => [narrowFunction(features)]).narrow
        : null;
    this.packedFloats = this.#panelsOfA * this.#R * rows.stepCount;
    const columnPanels = Math.min(NC / TILE_COLUMNS, Math.ceil(columns.lineCount / TILE_COLUMNS / parts));
    this.blockColumns = columnPanels * TILE_COLUMNS;
    const most = Math.min(this.blockColumns, columns.lineCount);
    this.blockFloats = this.blockColumns * Math.min(KC, columns.stepCount);
    this.scratchFloats = this.blockFloats + spareFloats(Math.min(MC, rows.lineCount), most);
    this.columnBlocks = columns.lineCount === 0 ? 0 : Math.ceil(columns.lineCount / this.blockColumns);
  }

  get #panelsOfA(): number {
    return Math.ceil(this.#rows.lineCount / this.#R);
  }

  /** Packs the A whose tables start at `base`, to `target`, on all threads. */
  packRowsTogether(call: Call, base: number, target: number): void {
    const grain = Math.ceil(GRAIN / (this.#R * this.#rows.stepCount));
    call.split(this.#panelsOfA, grain, (from, to) => this.packRows(base, target, from, to));
  }

  /** The same, or some of its panels, on this thread. */
  packRows(base: number, target: number, from = 0, to: number = this.#panelsOfA): void {
    const { lineCount, stepCount } = this.#rows;
    const R = this.#R;
    const lines = Math.min(lineCount, to * R) - from * R;
    for (let p = 0; p < stepCount; p += KC) {
      const k = Math.min(KC, stepCount - p);
      this.#pack(this.#rows, R, base, from * R, lines, p, k, target + 4 * R * (this.#panelsOfA * p + from * k));
    }
  }

  /** The product, or some of its blocks of columns, on this thread. */
  multiply(operands: Operands, scratch: number, firstBlock = 0, lastBlock: number = this.columnBlocks): void {
    const { base } = operands;
    this.#blocks(operands, firstBlock, lastBlock, (block) => {
      const { j, nc, p, kc } = block;
      this.#pack(this.#columns, TILE_COLUMNS, base, j, nc, p, kc, scratch);
      this.#multiplyRows(operands, block, scratch, scratch + 4 * this.blockFloats, 0, this.#rows.lineCount);
    });
  }

  /** The product on all threads, which take rows: for few columns. `shared` is room for a block of B, of all threads. */
  multiplyTogether(call: Call, operands: Operands, shared: number, spare: number): void {
    const R = this.#R;
    this.#blocks(operands, 0, this.columnBlocks, (block) => {
      const { j, nc, p, kc } = block;
      call.split(Math.ceil(nc / TILE_COLUMNS), Math.ceil(GRAIN / (TILE_COLUMNS * kc)), (from, to) => {
        const first = from * TILE_COLUMNS;
        const lines = Math.min(nc, to * TILE_COLUMNS) - first;
        this.#pack(this.#columns, TILE_COLUMNS, operands.base, j + first, lines, p, kc, shared + 4 * first * kc);
      });
      call.split(this.#panelsOfA, Math.ceil(PRODUCT_GRAIN / (R * nc * kc)), (from, to) =>
        this.#multiplyRows(operands, block, shared, spare, from * R, Math.min(to * R, this.#rows.lineCount)),
      );
    });
  }

  #blocks({ c, rowFloats, accumulate }: Operands, first: number, last: number, visit: (block: Block) => void): void {
    const n = Math.min(this.#columns.lineCount, last * this.blockColumns);
    const k = this.#columns.stepCount;
    const begin = first * this.blockColumns;
    // A phase that no filter tap meets. At address 0 there is a zero.
    if (k === 0 && !accumulate) {
      this.#functions.copyRows(0, c + 4 * begin, n - begin, this.#rows.lineCount, 0, 4 * rowFloats);
    }
    for (let j = begin; j < n; j += this.blockColumns) {
      for (let p = 0; p < k; p += KC) visit({ j, nc: Math.min(this.blockColumns, n - j), p, kc: Math.min(KC, k - p) });
    }
  }

  #multiplyRows(
    { a, c, rowFloats, accumulate = false, finish }: Operands,
    { j, nc, p, kc }: Block,
    packed: number,
    spare: number,
    firstRow: number,
    lastRow: number,
  ): void {
    const R = this.#R;
    const add = accumulate || p > 0 ? 1 : 0;
    for (let i = firstRow; i < lastRow; i += MC) {
      const mc = Math.min(MC, lastRow - i);
      const rows = a + 4 * (this.#panelsOfA * R * p + i * kc);
      const to = c + 4 * (i * rowFloats + j);
      const rest = this.#narrow ? nc % TILE_COLUMNS : 0;
      const even = nc - rest;
      if (even > 0) multiplyPacked(this.#functions, R, rows, packed, to, mc, even, kc, 4 * rowFloats, add, spare);
      if (rest > 0)
        this.#multiplyNarrow(rows, packed + 4 * even * kc, to + 4 * even, mc, rest, kc, 4 * rowFloats, add, spare);
      if (p + kc === this.#columns.stepCount) finish?.(i, mc, j, nc);
    }
  }

  /** The last columns, NARROW_COLUMNS or fewer. */
  #multiplyNarrow(
    a: number,
    b: number,
    c: number,
    m: number,
    columns: number,
    k: number,
    rowBytes: number,
    add: number,
    spare: number,
  ): void {
    const { tiles, part } = this.#functions;
    const R = this.#R;
    const panels = Math.ceil(m / R);
    const pairs = panels >> 1;
    const paired = Math.min(m, 2 * R * pairs);
    if (pairs > 0) {
      this.#narrow!(a, b, spare, pairs, k);
      part(spare, c, paired, columns, 4 * NARROW_COLUMNS, rowBytes, add);
    }
    if (panels % 2 === 0) return;
    tiles(a + 4 * paired * k, b, spare, 1, 1, k, 4 * TILE_COLUMNS, 0);
    part(spare, c + paired * rowBytes, m - paired, columns, 4 * TILE_COLUMNS, rowBytes, add);
  }

  /** Packs lines from `firstLine` and steps from `firstStep`. */
  #pack(
    { lines: table, steps: stepTable, lies }: TableMatrix,
    width: number,
    base: number,
    firstLine: number,
    count: number,
    firstStep: number,
    k: number,
    target: number,
  ): void {
    const { gatherRows, gatherColumns, gatherRunsColumns, gatherWideColumns } = this.#functions;
    const steps = stepTable + 4 * firstStep;
    const end = firstLine + count;
    for (let line = firstLine; line < end; ) {
      const lines = table + 4 * line;
      const lie = lies[line / width];
      const wide = lie === LONG_RUN && line + WIDE * width <= end;
      const gather =
        width !== TILE_COLUMNS ? gatherRows : wide ? gatherWideColumns : lie ? gatherRunsColumns : gatherColumns;
      gather(base, lines, steps, target, k);
      const packed = wide && width === TILE_COLUMNS ? WIDE * width : width;
      line += packed;
      target += 4 * packed * k;
    }
  }
}

export function tableFunctions(engine: Engine): Functions {
  return engine.program("im2col", (features: Features): Func[] => [
    tileFunction(features), // number 0: `tiles` calls it
    tilesFunction(tileRows(features)),
    partFunction(),
    padFunction(),
    gatherFunction("gatherRows", tileRows(features)),
    gatherFunction("gatherColumns", TILE_COLUMNS),
    gatherRunsFunction("gatherRunsColumns", TILE_COLUMNS),
    gatherWideFunction("gatherWideColumns", TILE_COLUMNS, WIDE),
    scatterFunction(),
    copyRowsFunction(true),
  ]);
}
