/**
 * What figures draw with. A figure is a function of data, size and pen; it knows neither canvas nor SVG. canvas.ts draws frames
 * of the page; svg.ts the picture that stands in the page before scripts run, "save as SVG", and what tests read.
 *
 * Coordinates are CSS pixels, y downward. Colours are CSS colours, from the palette that the figure was given.
 */
export interface Pen {
  /** A path through x₀ y₀ x₁ y₁ …; NaN lifts the pen. */
  line(points: ArrayLike<number>, style: Stroke): void;
  /** The same, closed and filled. */
  area(points: ArrayLike<number>, fill: string, opacity?: number): void;
  rect(
    x: number,
    y: number,
    width: number,
    height: number,
    style: { fill?: string; stroke?: string; opacity?: number; radius?: number },
  ): void;
  circle(x: number, y: number, radius: number, style: { fill?: string; stroke?: string; opacity?: number }): void;
  text(x: number, y: number, words: string, style: Lettering): void;
  /** Pixels as they are (RGBA, 4 bytes each), stretched over the rectangle without smoothing. */
  image(
    x: number,
    y: number,
    width: number,
    height: number,
    pixels: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray },
  ): void;
  /** What follows is cut off outside the rectangle, until `draw` returns. */
  clip(x: number, y: number, width: number, height: number, draw: () => void): void;
}

export interface Stroke {
  readonly color: string;
  readonly width: number;
  readonly opacity?: number;
  readonly dash?: readonly number[];
  /** By how much the dashes have moved along the line. */
  readonly offset?: number;
}

export interface Lettering {
  readonly color: string;
  readonly size: number;
  readonly anchor?: "start" | "middle" | "end";
  readonly weight?: number;
  /** Degrees, clockwise. */
  readonly turn?: number;
  readonly opacity?: number;
  /** A rim of this colour around the letters, so that they can be read over lines. */
  readonly halo?: string;
}
