/**
 * Colours and type of figures and pages, after Okabe & Ito's palette ("Color Universal Design", 2008), which works for
 * every kind of colour vision. Blue and vermilion, the two that matter most, also differ in lightness, so that a grey
 * print still works; orange, sky and purple are a little darker than the original on white, lighter on dark. Line style
 * and symbol repeat the colour's meaning.
 */

/** The colours of a figure, in CSS. */
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
  /** Behind cards and tables. */
  readonly panel: string;
  /** `plain` and `orange` for small text, which needs a contrast of 4.5 : 1. */
  readonly plainText: string;
  readonly orangeText: string;
  /** The ring around what has the focus. */
  readonly focus: string;
}

/** For a light page, for paper, and for a separate file. */
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
  panel: "#f6f8fa",
  plainText: "#ad4a00",
  orangeText: "#8a5d00",
  focus: "#1f2328",
};

/** For a dark page: the hues stay, their lightness follows the background. */
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
  panel: "#1a2028",
  plainText: "#ff9a52",
  orangeText: "#f0b93a",
  focus: "#e6e9ed",
};

/** Names that the page's style sheet defines from the light or the dark palette. */
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
  panel: "var(--panel)",
  plainText: "var(--plainText)",
  orangeText: "var(--orangeText)",
  focus: "var(--focus)",
};

/** A palette as custom properties for the page's style sheet. */
export function asCustomProperties(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(" ");
}

export const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
