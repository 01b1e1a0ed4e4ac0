/** The pen that draws frames of the page, on the context of a canvas. */
import { fontFamily } from "../../../lab/page/theme.ts";
import type { Lettering, Pen, Stroke } from "./pen.ts";

/** What of CanvasRenderingContext2D the pen needs: written down here, so that tests need no browser and no types of one. */
export interface Context2d {
  readonly canvas: unknown;
  fillStyle: unknown;
  strokeStyle: unknown;
  globalAlpha: number;
  lineWidth: number;
  lineCap: string;
  lineJoin: string;
  lineDashOffset: number;
  font: string;
  textAlign: string;
  imageSmoothingEnabled: boolean;
  beginPath(): void;
  closePath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, start: number, end: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  roundRect(x: number, y: number, width: number, height: number, radius: number): void;
  fill(): void;
  stroke(): void;
  clip(): void;
  save(): void;
  restore(): void;
  translate(x: number, y: number): void;
  rotate(angle: number): void;
  setLineDash(dash: number[]): void;
  fillText(words: string, x: number, y: number): void;
  strokeText(words: string, x: number, y: number): void;
  createImageData(width: number, height: number): { readonly data: Uint8ClampedArray };
  putImageData(image: never, x: number, y: number): void;
  drawImage(image: never, x: number, y: number, width: number, height: number): void;
}

const SOLID: number[] = [];

/**
 * A pen on `context`, whose transform already maps CSS pixels to those of the device.
 *
 * @param offscreen makes the context of a new canvas of that many pixels; pictures are stretched by way of it.
 */
export function canvasPen(context: Context2d, offscreen: (width: number, height: number) => Context2d): Pen {
  const pictures = new Map<string, Picture>();
  return {
    line(points, style) {
      setStroke(context, style);
      trace(context, points);
      context.stroke();
    },
    area(points, fill, opacity = 1) {
      context.globalAlpha = opacity;
      context.fillStyle = fill;
      trace(context, points);
      context.closePath();
      context.fill();
    },
    rect(x, y, width, height, { fill, stroke, opacity = 1, radius = 0 }) {
      context.globalAlpha = opacity;
      context.beginPath();
      if (radius > 0) context.roundRect(x, y, width, height, radius);
      else context.rect(x, y, width, height);
      paint(context, fill, stroke);
    },
    circle(x, y, radius, { fill, stroke, opacity = 1 }) {
      context.globalAlpha = opacity;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      paint(context, fill, stroke);
    },
    text(x, y, words, style) {
      if (style.turn) {
        context.save();
        context.translate(x, y);
        context.rotate((style.turn * Math.PI) / 180);
        letter(context, 0, 0, words, style);
        context.restore();
      } else letter(context, x, y, words, style);
    },
    image(x, y, width, height, pixels) {
      const key = `${pixels.width} ${pixels.height}`;
      let picture = pictures.get(key);
      if (!picture) {
        const inner = offscreen(pixels.width, pixels.height);
        picture = { inner, data: inner.createImageData(pixels.width, pixels.height) };
        pictures.set(key, picture);
      }
      picture.data.data.set(pixels.data);
      picture.inner.putImageData(picture.data as never, 0, 0);
      context.globalAlpha = 1;
      context.imageSmoothingEnabled = false;
      context.drawImage(picture.inner.canvas as never, x, y, width, height);
    },
    clip(x, y, width, height, draw) {
      context.save();
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      draw();
      context.restore();
    },
  };
}

interface Picture {
  readonly inner: Context2d;
  readonly data: { readonly data: Uint8ClampedArray };
}

function setStroke(context: Context2d, { color, width, opacity = 1, dash, offset = 0 }: Stroke): void {
  context.globalAlpha = opacity;
  context.strokeStyle = color;
  context.lineWidth = width;
  context.lineJoin = "round";
  context.lineCap = "butt";
  context.setLineDash((dash as number[] | undefined) ?? SOLID);
  context.lineDashOffset = offset;
}

function trace(context: Context2d, points: ArrayLike<number>): void {
  context.beginPath();
  let down = false;
  for (let i = 0; i + 1 < points.length; i += 2) {
    const [x, y] = [points[i]!, points[i + 1]!];
    if (Number.isNaN(x) || Number.isNaN(y)) down = false;
    else {
      if (down) context.lineTo(x, y);
      else context.moveTo(x, y);
      down = true;
    }
  }
}

function paint(context: Context2d, fill: string | undefined, stroke: string | undefined): void {
  if (fill) {
    context.fillStyle = fill;
    context.fill();
  }
  if (stroke) {
    context.setLineDash(SOLID);
    context.lineWidth = 1.4;
    context.strokeStyle = stroke;
    context.stroke();
  }
}

function letter(context: Context2d, x: number, y: number, words: string, style: Lettering): void {
  const { color, size, anchor = "start", weight = 400, opacity = 1, halo } = style;
  context.globalAlpha = opacity;
  context.font = `${weight} ${size}px ${fontFamily}`;
  context.textAlign = anchor === "middle" ? "center" : anchor;
  if (halo) {
    context.setLineDash(SOLID);
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeStyle = halo;
    context.strokeText(words, x, y);
  }
  context.fillStyle = color;
  context.fillText(words, x, y);
}
