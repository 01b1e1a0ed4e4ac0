/**
 * Drawing: Observable Plot makes the axes, scales and marks; jsdom stands in for the browser. Every figure is a
 * function of a canvas, so that it can be drawn wide and narrow, for the page and for a file of its own.
 */
import * as Plot from "@observablehq/plot";
import { JSDOM } from "jsdom";
import { fontFamily, lightPalette, type Palette, pagePalette } from "./theme.ts";

const { window } = new JSDOM("");

/** What a figure is drawn on. */
export interface Canvas {
  readonly width: number;
  /** On a telephone, panels go below one another. */
  readonly narrow: boolean;
  readonly palette: Palette;
}

/** Height of the strip above a picture for a legend of one row, and of each further row. */
const LEGEND_HEIGHT = 34;
const LEGEND_ROW = 22;

/** A line of the legend. Dashes and symbol repeat what the colour says. */
export interface LegendItem {
  readonly label: string;
  readonly colour: string;
  /** Whether the sample has a line. Default true. */
  readonly line?: boolean;
  /** Dashes of the sample's line, as in SVG: `6 4`. */
  readonly dashes?: string;
  readonly symbol?: keyof typeof SYMBOLS;
}

/** Shapes of about the same size around 0, 0, named as in Plot. */
const SYMBOLS = {
  circle: "M4,0 a4,4 0 1,1 -8,0 a4,4 0 1,1 8,0 z",
  triangle: "M0,-5 l5,9 h-10 z",
  square: "M-3.6,-3.6 h7.2 v7.2 h-7.2 z",
  diamond: "M0,-5.4 l4,5.4 l-4,5.4 l-4,-5.4 z",
  star: "M0,-5.4 L1.4,-1.9 L5.1,-1.7 L2.2,0.7 L3.2,4.4 L0,2.3 L-3.2,4.4 L-2.2,0.7 L-5.1,-1.7 L-1.4,-1.9 Z",
} as const;

/** A strip of colours from the lowest value to the highest. */
export interface ColourKey {
  readonly label: string;
  readonly low: string;
  readonly high: string;
  readonly colours: readonly string[];
}

/** What a figure function returns: marks and scales for Plot, and the legend above them. */
export interface Drawing {
  /** One sentence that describes the picture, for readers who cannot see it. */
  readonly description: string;
  readonly legend: readonly LegendItem[];
  /** The meaning of the colours where they stand for values; replaces the legend. */
  readonly colourKey?: ColourKey;
  readonly plot: Plot.PlotOptions;
}

/** A picture, in any size. */
export type Figure = (canvas: Canvas) => Drawing;

/** The same figure for wide and narrow screens, in the page's colours, and as a self-contained file. */
export interface RenderedFigure {
  readonly wide: string;
  readonly narrow: string;
  readonly file: string;
}

export function renderFigure(figure: Figure): RenderedFigure {
  return {
    wide: draw(figure, { width: 880, narrow: false, palette: pagePalette }, false),
    narrow: draw(figure, { width: 360, narrow: true, palette: pagePalette }, false),
    file: `<?xml version="1.0" encoding="UTF-8"?>\n${draw(figure, { width: 880, narrow: false, palette: lightPalette }, true)}\n`,
  };
}

/** A smaller figure, in the page's colours, for a list of many. */
export function renderPreview(figure: Figure): string {
  return draw(figure, { width: 520, narrow: false, palette: pagePalette }, false);
}

/** @param paper whether the picture needs its own background and margin, because it has no page around it. */
function draw(figure: Figure, canvas: Canvas, paper: boolean): string {
  const { description, legend, colourKey, plot } = figure(canvas);
  const { palette, width } = canvas;
  const margin = paper ? 14 : 0;
  const svg = Plot.plot({
    document: window.document,
    width,
    marginLeft: canvas.narrow ? 52 : 64,
    marginRight: canvas.narrow ? 12 : 24,
    marginTop: 34,
    marginBottom: 46,
    style: { background: "transparent", color: palette.ink, fontFamily, fontSize: "12px", overflow: "visible" },
    ...plot,
  }) as unknown as SvgElement;
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", description);
  // Plot fills the picture from edge to edge, so the legend gets its own strip above.
  const { group, height: legendHeight } = colourKey
    ? colourKeyOf(colourKey, palette, canvas)
    : legendOf(legend, palette, canvas);
  const height = Number(svg.getAttribute("height"));
  const frame = {
    x: -margin,
    y: -legendHeight - margin,
    width: width + 2 * margin,
    height: height + legendHeight + 2 * margin,
  };
  svg.setAttribute("viewBox", `${frame.x} ${frame.y} ${frame.width} ${frame.height}`);
  svg.setAttribute("width", String(frame.width));
  svg.setAttribute("height", String(frame.height));
  if (paper) svg.insertBefore(createSvg("rect", { ...frame, fill: palette.background }), svg.firstChild);
  svg.appendChild(group);
  return new window.XMLSerializer().serializeToString(
    svg as unknown as Parameters<XMLSerializer["serializeToString"]>[0],
  );
}

/** The part of an SVG element that is used here. */
interface SvgElement {
  getAttribute(name: string): string | null;
  readonly firstChild: SvgElement | null;
  textContent: string | null;
  setAttribute(name: string, value: string): void;
  appendChild(child: SvgElement): void;
  insertBefore(child: SvgElement, before: SvgElement | null): void;
}

type XMLSerializer = InstanceType<typeof window.XMLSerializer>;

function createSvg(name: string, attributes: Readonly<Record<string, string | number>>, text?: string): SvgElement {
  const element = window.document.createElementNS("http://www.w3.org/2000/svg", name) as unknown as SvgElement;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Samples with their names in the top left corner, in as many rows as they need. */
function legendOf(
  items: readonly LegendItem[],
  palette: Palette,
  { narrow, width }: Canvas,
): { group: SvgElement; height: number } {
  const samples: SvgElement[] = [];
  let x = 0;
  let y = 0;
  for (const { label, colour, line = true, dashes, symbol } of items) {
    // Letters of 13 px are about 7 px wide on average.
    const length = 33 + 7 * label.length;
    if (x > 0 && x + length > width) {
      x = 0;
      y += LEGEND_ROW;
    }
    const sample = createSvg("g", { transform: `translate(${x}, ${y})` });
    const stroke = { x1: 0, x2: 26, y1: 0, y2: 0, stroke: colour, "stroke-width": 2.5 };
    if (line) sample.appendChild(createSvg("line", dashes ? { ...stroke, "stroke-dasharray": dashes } : stroke));
    if (symbol)
      sample.appendChild(createSvg("path", { transform: "translate(13, 0)", d: SYMBOLS[symbol], fill: colour }));
    sample.appendChild(createSvg("text", { x: 33, y: 0, dy: "0.32em", fill: palette.ink, "font-size": 13 }, label));
    samples.push(sample);
    x += length + 18;
  }
  const height = items.length === 0 ? 0 : LEGEND_HEIGHT + y;
  const group = createSvg("g", { transform: `translate(${narrow ? 3 : 4}, ${16 - height})`, "text-anchor": "start" });
  for (const sample of samples) group.appendChild(sample);
  return { group, height };
}

/** The strip of colours with its ends and its meaning. */
function colourKeyOf(
  { label, low, high, colours }: ColourKey,
  palette: Palette,
  { narrow }: Canvas,
): { group: SvgElement; height: number } {
  const group = createSvg("g", {
    transform: `translate(${narrow ? 3 : 4}, ${16 - LEGEND_HEIGHT})`,
    "text-anchor": "start",
    fill: palette.ink,
    "font-size": 13,
  });
  const width = narrow ? 4 : 6;
  const from = 7.5 * low.length + 6;
  group.appendChild(createSvg("text", { x: 0, y: 0, dy: "0.32em" }, low));
  colours.forEach((fill, i) => {
    // Slightly wider than its place, so that no background shows between two colours.
    group.appendChild(createSvg("rect", { x: from + i * width, y: -6, width: width + 0.5, height: 12, fill }));
  });
  const to = from + colours.length * width + 6;
  group.appendChild(createSvg("text", { x: to, y: 0, dy: "0.32em" }, `${high}   ${label}`));
  return { group, height: LEGEND_HEIGHT };
}
