/// <reference lib="dom" />
/** The built site in a real browser: serves it, opens pages, and writes down whatever goes wrong. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import { afterAll, beforeAll } from "vitest";
import { serve } from "../build/serve.ts";

/** What is tested. */
export const dist: string = new URL("../dist/", import.meta.url).pathname;

/** Debian's names and others'; the first that is there. */
const PROGRAMS = {
  chrome: ["chromium", "chromium-browser", "google-chrome"],
  firefox: ["firefox-esr", "firefox"],
} as const;

/** A running browser of this kind. @throws Error if none is installed. */
export function launch(kind: keyof typeof PROGRAMS): Promise<Browser> {
  const executablePath = PROGRAMS[kind].map(pathOf).find((path) => path !== undefined);
  if (executablePath === undefined) throw new Error(`no ${PROGRAMS[kind].join(", ")} is installed`);
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  return puppeteer.launch({ browser: kind, executablePath, headless: true, args: kind === "chrome" ? args : [] });
}

function pathOf(name: string): string | undefined {
  try {
    return execFileSync("which", [name], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    return undefined;
  }
}

/** The site at an address of this machine. @throws Error if it is not built. */
export async function startSite(base = "/"): Promise<{ address: string; stop: () => void }> {
  if (!existsSync(`${dist}index.html`)) throw new Error("the site is not built: npm run site -- --build");
  const { address, server } = await serve(dist, { base });
  const { port } = server.address() as AddressInfo;
  return {
    address: address.replace(/localhost:\d+/, `localhost:${port}`),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The site and a browser for the tests of a file: both are there before the first, and end after the last. */
export function siteIn(
  kind: keyof typeof PROGRAMS,
  base?: string,
): { readonly browser: Browser; readonly address: string; stop(): void } {
  let browser: Browser | undefined;
  let site: Awaited<ReturnType<typeof startSite>> | undefined;
  beforeAll(async () => {
    site = await startSite(base);
    browser = await launch(kind);
  });
  afterAll(async () => {
    await browser?.close();
    site?.stop();
  });
  return {
    get browser() {
      return browser!;
    },
    get address() {
      return site!.address;
    },
    stop: () => site!.stop(),
  };
}

/** A page that writes down messages of the console, errors, answers that are none, and requests to other hosts. */
export async function watchedPage(browser: Browser, address: string): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage();
  const faults: string[] = [];
  const { origin } = new URL(address);
  page.on("console", (message) => faults.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(`error: ${String(error)}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !/^(data|blob):/.test(request.url())) faults.push(`asks ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  return { page, faults };
}
