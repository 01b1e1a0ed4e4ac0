/**
 * Colours and type of figures and pages, after Okabe & Ito's palette ("Color Universal Design", 2008): told apart with every
 * kind of colour vision. Blue and vermilion, the two that matter most, differ in lightness too, so that a grey print still
 * works; orange, sky and purple are a little darker than the original on white, lighter at night. Line style and symbol
 * repeat what colour says.
 */

/** What a figure is drawn with: colours as CSS understands them. */
export interface Palette {
  readonly background: string;
  readonly ink: string;
  readonly faint: string;
  readonly grid: string;
  readonly residual: string;
  readonly plain: string;
  readonly green: string;
  readonly purple: string;
  readonly orange: string;
  readonly sky: string;
}

/** A page in daylight, on paper, and in a file of its own. */
export const lightPalette: Palette = {
  background: "#ffffff",
  ink: "#1f2328",
  faint: "#59636e",
  grid: "#d8dee4",
  residual: "#0072b2",
  plain: "#d55e00",
  green: "#007f5f",
  purple: "#b5609a",
  orange: "#b57a00",
  sky: "#3d94c9",
};

/** The same page at night: the hues stay, their lightness follows the background. */
export const darkPalette: Palette = {
  background: "#12161c",
  ink: "#e6e9ed",
  faint: "#9aa5b1",
  grid: "#2c343d",
  residual: "#5cb8f0",
  plain: "#ff9a52",
  green: "#3fc79a",
  purple: "#e39cc6",
  orange: "#f0b93a",
  sky: "#9ad4f5",
};

/** Names that the page's style sheet defines from one palette or the other. */
export const pagePalette: Palette = {
  background: "var(--background)",
  ink: "var(--ink)",
  faint: "var(--faint)",
  grid: "var(--grid)",
  residual: "var(--residual)",
  plain: "var(--plain)",
  green: "var(--green)",
  purple: "var(--purple)",
  orange: "var(--orange)",
  sky: "var(--sky)",
};

/** A palette as custom properties for the page's style sheet. */
export function asCustomProperties(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(" ");
}

export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
