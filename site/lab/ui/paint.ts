/** Colours of the page: from theme.ts as custom properties for the style sheet, and read back once per change for canvases. */
import { asCustomProperties, darkPalette, lightPalette, type Palette } from "../../../lab/page/theme.ts";

/** The palette that canvases draw with now. */
export type Paint = Palette;

/** The laboratory's custom properties, light, and dark under `html.dark` as VitePress marks it. */
export function themeSheet(): string {
  return `.lab{${asCustomProperties(lightPalette)}}html.dark .lab{${asCustomProperties(darkPalette)}}`;
}

/** The palette in force: one class on `html` decides. */
export function currentPaint(): Paint {
  return document.documentElement.classList.contains("dark") ? darkPalette : lightPalette;
}

/** Calls back when the page is switched between light and dark; the result ends that. */
export function onThemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  return () => observer.disconnect();
}
