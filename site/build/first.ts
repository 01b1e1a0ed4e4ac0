/**
 * The picture that stands in the front page before any script runs: the default run's first step, really made, by the same
 * training as in the page, and drawn by the same figures with another pen.
 */
import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { darkPalette, lightPalette, type Palette } from "../../lab/page/theme.ts";
import { type DiagramData, diagramHeight, diagramLayout, drawDiagram } from "../lab/draw/diagram.ts";
import { bordersOf, type Curve, drawFlow } from "../lab/draw/flow.ts";
import type { Names } from "../lab/draw/look.ts";
import { GRADIENT_AXIS, grown, type LogAxis } from "../lab/draw/scale.ts";
import { escaped, svgOf } from "../lab/draw/svg.ts";
import { type LoadedImages, readImages } from "../lab/images.ts";
import { PRESETS } from "../lab/presets.ts";
import type { CertificateRow, NetworkRow } from "../lab/protocol.ts";
import type { Name, Run } from "../lab/state.ts";
import { Training } from "../lab/training.ts";

/** The width of the page's content, and the chart's height there, CSS pixels. */
const WIDTH = 1150;
const CHART = 290;
const WORDS = 24;

/** A network after its first step: what it is, and the gradient's norm at each layer. */
interface FirstStep {
  readonly network: NetworkRow;
  readonly certificate: CertificateRow;
  readonly norms: Float32Array;
}

/** SVGs of the first step of both networks of the default preset, for light and dark pages. */
export async function firstPicture(images: LoadedImages = packedImages()): Promise<{ light: string; dark: string }> {
  const { run, cards } = PRESETS[0]!;
  const a = await firstStep(run, "a", images);
  const b = await firstStep(run, "b", images);
  const drawn = (theme: string, palette: Palette): string => drawFirst(a, b, cards, palette, theme);
  return { light: drawn("light", lightPalette), dark: drawn("dark", darkPalette) };
}

/** The page's own data, from the folder where the site's command has packed them; the bundle of this file lies as deep. */
function packedImages(): LoadedImages {
  const file = new URL("../../site/lab/packed/digits-14.bin", import.meta.url);
  return readImages(inflateSync(readFileSync(file)));
}

/** Trains one step. */
async function firstStep(run: Run, side: Name, { train, test, shown }: LoadedImages): Promise<FirstStep> {
  const training = new Training({ run, side, train, test, shown });
  const [network, certificate] = [training.network(), training.certificate()];
  const measured: Float32Array[] = [];
  const note = ({ norms }: { readonly norms: Float32Array | null }): void => {
    if (norms) measured.push(norms);
  };
  await training.train(
    async (step) => step < 1,
    note,
    () => {},
  );
  const [norms] = measured;
  if (!norms) throw new Error("the first step was not measured");
  return { network, certificate, norms };
}

/** Diagram, chart, diagram, one over the other, with the words at both ends. */
function drawFirst(a: FirstStep, b: FirstStep, names: Names, palette: Palette, theme: string): string {
  const axis = grown(grown(GRADIENT_AXIS, a.norms), b.norms);
  const height = diagramHeight(a.network.blocks.length, WIDTH);
  const options = (part: string): { readonly prefix: string } => ({ prefix: `first-${theme}-${part}` });
  const words = svgOf({ width: WIDTH, height: WORDS }, (pen) => {
    const style = { color: palette.faint, size: 14 };
    pen.text(46, 15, "image", style);
    const middle = { ...style, anchor: "middle" as const };
    pen.text(WIDTH / 2, 15, "← the gradient travels this way; width and height: how much of it is there (log)", middle);
    pen.text(WIDTH, 15, "loss", { ...style, anchor: "end" });
  });
  const diagram = (step: FirstStep, side: Name): string => {
    const layout = diagramLayout(step.network, side, { width: WIDTH, height });
    return svgOf(layout.size, (pen) => drawDiagram(diagramData(step, axis), layout, palette, pen), options(side));
  };
  const size = { width: WIDTH, height: CHART };
  const borders = bordersOf(a.network);
  const curves = { a: still(a.norms), b: still(b.norms), reference: a.norms.at(-1)! };
  const data = { view: "gradient" as const, ...curves, names, axis, borders, hover: null };
  const chart = svgOf(size, (pen) => drawFlow(data, size, palette, pen), options("chart"));
  const parts = [words, diagram(a, "a"), chart, diagram(b, "b")];
  return stacked(parts, [WORDS, height, CHART, height], titleOf(a, b, names));
}

function diagramData({ norms, certificate }: FirstStep, { bottom }: LogAxis): DiagramData {
  const kinds = certificate.blocks.map(({ kind }) => kind);
  return { norms, shares: null, kinds, lambda: null, bottom, chosen: null, hover: null, phase: null };
}

/** One step has no spread. */
function still(norms: Float32Array): Curve {
  return { now: norms, median: norms, low: norms, high: norms };
}

function stacked(parts: readonly string[], heights: readonly number[], title: string): string {
  let y = 0;
  const placed = parts.map((part, i) => {
    const inner = part.replace("<svg ", `<svg y="${y}" `);
    y += heights[i]!;
    return inner;
  });
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}"`;
  return `${open} role="img" aria-label="${escaped(title)}">${placed.join("")}</svg>`;
}

/** What a screen reader says of it: how many powers of ten lie between the last layer and the first. */
function titleOf(a: FirstStep, b: FirstStep, names: Names): string {
  const sentence = ({ norms }: FirstStep): string => {
    const powers = Math.log10(norms[0]!) - Math.log10(norms.at(-1)!);
    const words = `${Math.abs(powers).toFixed(1)} powers of ten`;
    return `${words} ${powers < 0 ? "smaller" : "larger"} at the first layer than at the last`;
  };
  return `The gradient at every layer at step 1: ${names.a}, ${sentence(a)}; ${names.b}, ${sentence(b)}.`;
}
