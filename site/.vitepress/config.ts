/** The site: VitePress over .pages, where build/ has put every page. docs/decisions/0021-the-site.md says why. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type DefaultTheme, defineConfig, type UserConfig } from "vitepress";
import { asCustomProperties, darkPalette, fontFamily, lightPalette } from "../../lab/page/theme.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const pages = here("../.pages/");

/** Items of a list of links that build/ has written beside the pages. */
function listOf(path: string): DefaultTheme.SidebarItem[] {
  const file = `${pages}${path}`;
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
}

const titleOf = (path: string): string => /^# (.+)$/m.exec(readFileSync(pages + path, "utf8"))![1].replaceAll("`", "");

const item = (path: string, text?: string): DefaultTheme.SidebarItem => ({
  text: text ?? titleOf(`${path}.md`),
  link: `/${path}`,
});

const decisions = readdirSync(`${pages}docs/decisions`)
  .filter((name) => /^\d/.test(name))
  .sort()
  .map((name) => item(`docs/decisions/${name.replace(".md", "")}`));

const guide: DefaultTheme.SidebarItem[] = [
  {
    text: "Begin",
    items: [
      item("README", "What it is, and how to install"),
      item("docs/laboratory", "The laboratory"),
      item("docs/tour", "Tour: one pixel by hand"),
      item("docs/how-to", "How to …"),
      item("examples", "Examples in this site"),
    ],
  },
  {
    text: "Use",
    items: [
      item("docs/training", "Training"),
      item("docs/weights", "Weights and files"),
      item("docs/networks", "Networks"),
      item("docs/instruments", "Instruments"),
      item("docs/threads", "Threads"),
      item("docs/runtimes", "Runtimes"),
      ...["from-pytorch", "from-tensorflow"]
        .filter((name) => existsSync(`${pages}docs/${name}.md`))
        .map((name) => item(`docs/${name}`)),
    ],
  },
  {
    text: "Understand",
    items: [
      item("docs/theory", "Theory"),
      item("docs/conventions", "Conventions"),
      item("docs/simd", "How it is fast"),
      item("docs/experiments", "Experiments"),
    ],
  },
  {
    text: "The project",
    items: [
      item("CHANGELOG", "Changelog"),
      item("CONTRIBUTING", "Contributing"),
      item("lab/experiments/README", "How to write an experiment"),
      item("bench/README", "Benches"),
      { text: "Decisions", link: "/docs/decisions/", collapsed: true, items: decisions },
    ],
  },
];

/** Each layer has a list of its own: all names together would weigh more than the pages. */
function sidebars(): DefaultTheme.SidebarMulti {
  const layers = existsSync(`${pages}api`)
    ? readdirSync(`${pages}api`, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : [];
  const lists = layers.map(({ name }) => [`/api/${name}/`, listOf(`api/${name}/sidebar.json`)] as const);
  return {
    ...Object.fromEntries(lists),
    "/api/": listOf("api/sidebar.json"),
    "/networks/": listOf("networks/sidebar.json"),
    "/": guide,
  };
}

const nav: DefaultTheme.NavItem[] = [
  { text: "Laboratory", link: "/", activeMatch: "^/$" },
  { text: "Tour", link: "/docs/tour" },
  { text: "Guide", link: "/README", activeMatch: "^/(README|docs/(?!tour|experiments))" },
  { text: "Networks", link: "/networks/", activeMatch: "^/networks/" },
  { text: "Experiments", link: "/docs/experiments" },
  { text: "Examples", link: "/examples", activeMatch: "^/examples" },
  { text: "API", link: "/api/", activeMatch: "^/api/" },
];

/** What the search reads of a page of the reference: its title and first words, or the index would weigh megabytes. */
function firstWords(source: string): string {
  const [title, ...lines] = source.replace(/^[\s\S]*?^# /m, "").split("\n");
  const text = lines.join("\n").replace(/^```[\s\S]*?^```$/gm, "");
  return `# ${title}\n\n${text.split(/\n{2,}/).find((part) => /^[A-Z`]/.test(part.trim())) ?? ""}\n`;
}

const config: UserConfig<DefaultTheme.Config> = defineConfig({
  title: "Skipstone",
  description: "Where does the gradient go? Watch it travel, in your browser.",
  lang: "en",
  base: "/@skipstone@/",
  srcDir: ".pages",
  outDir: "dist",
  cleanUrls: false,
  lastUpdated: false,
  ignoreDeadLinks: false,
  metaChunk: true,
  // Whoever came for the laboratory need not load the pages it links to.
  router: { prefetchLinks: false },
  head: [
    ["link", { rel: "icon", type: "image/svg+xml", href: "/@skipstone@/favicon.svg" }],
    [
      "style",
      {},
      `:root { ${asCustomProperties(lightPalette)} --type: ${fontFamily}; } .dark { ${asCustomProperties(darkPalette)} }`,
    ],
  ],
  markdown: {
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
    // Indented code gets the same frame as fenced code, inside which it scrolls: alone it makes a phone's page wider.
    config(md) {
      md.renderer.rules.code_block = (tokens, at, options, env, self) => {
        tokens[at].info = "txt";
        return md.renderer.rules.fence!(tokens, at, options, env, self);
      };
    },
  },
  themeConfig: {
    nav,
    sidebar: sidebars(),
    outline: [2, 3],
    search: {
      provider: "local",
      options: {
        // What it is called and what stands on it have to begin with the same words (WCAG 2.5.3).
        translations: { button: { buttonText: "Search", buttonAriaLabel: "Search" } },
        _render(source, env, md) {
          return md.render(env.relativePath.startsWith("api/") ? firstWords(source) : source, env);
        },
      },
    },
    docFooter: { prev: "Before", next: "Next" },
    // Links are made absolute before scripts take over (relative.ts): every one of them would count as external.
    externalLinkIcon: false,
    notFound: {
      title: "This page is not here",
      quote: "It may have moved with a new version. The search finds every page by its words.",
      linkText: "To the laboratory",
      linkLabel: "To the first page, the laboratory",
    },
  },
  vite: {
    resolve: {
      alias: [
        { find: /^skipstone$/, replacement: here("../../src/index.ts") },
        { find: /^skipstone\/(\w+)$/, replacement: here("../../src/$1/index.ts") },
      ],
    },
    worker: { format: "es" },
    build: { target: "es2022", chunkSizeWarningLimit: 1000 },
  },
});

export default config;
