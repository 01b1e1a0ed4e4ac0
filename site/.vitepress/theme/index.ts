/** VitePress's own theme without its fonts, in the colours of the laboratory's reports. */
import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme-without-fonts";
import { Laboratory } from "./laboratory.ts";
import { Tour } from "./tour.ts";
import "./style.css";

const theme: Theme = {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component("Laboratory", Laboratory);
    app.component("Tour", Tour);
  },
};

export default theme;
