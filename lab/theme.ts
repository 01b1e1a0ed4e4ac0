/**
 * Colours and type of figures and report. Blue and vermilion are a pair from Okabe & Ito's palette: told apart with every
 * kind of colour vision, and different in lightness too, so that a grey print still works. Line style and symbol repeat
 * what colour says.
 */

/** What a figure is drawn with: colours as CSS understands them. */
export interface Palette {
  readonly background: string;
  readonly ink: string;
  readonly faint: string;
  readonly grid: string;
  readonly residual: string;
  readonly plain: string;
}

/** A page in daylight, on paper, and in a file of its own. */
export const lightPalette: Palette = {
  background: "#ffffff",
  ink: "#1f2328",
  faint: "#59636e",
  grid: "#d8dee4",
  residual: "#0072b2",
  plain: "#d55e00",
};

/** The same page at night: the hues stay, their lightness follows the background. */
export const darkPalette: Palette = {
  background: "#12161c",
  ink: "#e6e9ed",
  faint: "#9aa5b1",
  grid: "#2c343d",
  residual: "#5cb8f0",
  plain: "#ff9a52",
};

/** Names that the page's style sheet defines from one palette or the other. */
export const pagePalette: Palette = {
  background: "var(--background)",
  ink: "var(--ink)",
  faint: "var(--faint)",
  grid: "var(--grid)",
  residual: "var(--residual)",
  plain: "var(--plain)",
};

/** A palette as custom properties for the page's style sheet. */
export function asCustomProperties(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(" ");
}

export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
