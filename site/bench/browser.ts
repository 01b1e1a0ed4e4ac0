/** Browsers that are installed, driven by puppeteer-core from the site's own package; only as much of it as is used here. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { site } from "../build/places.ts";

/** A connection to one target of Chromium's protocol. */
export interface Session {
  send(method: string, parameters?: object): Promise<unknown>;
}

/** A program of a worker that belongs to a page. */
export interface PageWorker {
  readonly client: Session;
}

/** A page. Code that runs in it is given as text: it has no types here. */
export interface Page {
  goto(address: string, options?: { waitUntil?: "load" | "domcontentloaded" }): Promise<unknown>;
  evaluate(code: string): Promise<unknown>;
  evaluateOnNewDocument(code: string): Promise<unknown>;
  setViewport(size: { width: number; height: number; deviceScaleFactor?: number }): Promise<void>;
  screenshot(options: { clip?: Box; type?: "png" }): Promise<Uint8Array>;
  waitForFunction(code: string, options?: { timeout?: number; polling?: number }): Promise<unknown>;
  click(selector: string): Promise<void>;
  focus(selector: string): Promise<void>;
  close(): Promise<void>;
  workers(): readonly PageWorker[];
  createCDPSession(): Promise<Session>;
  readonly keyboard: { press(key: string): Promise<void> };
}

/** A part of a page, CSS pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A browser that runs. */
export interface Browser {
  newPage(): Promise<Page>;
  version(): Promise<string>;
  close(): Promise<void>;
}

/** Debian's names and others'; the first that is there. */
const PROGRAMS = {
  chrome: ["chromium", "chromium-browser", "google-chrome"],
  firefox: ["firefox-esr", "firefox"],
} as const;

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];

/**
 * A running browser of this kind, in a fresh profile; null if none is installed.
 *
 * @throws Error if it does not start, or if the site's packages are not installed.
 */
export async function launch(kind: keyof typeof PROGRAMS): Promise<Browser | null> {
  const executablePath = PROGRAMS[kind].map(pathOf).find((path) => path !== null);
  if (executablePath === undefined) return null;
  if (!existsSync(`${site}node_modules/puppeteer-core`)) {
    throw new Error("the packages of site/ are not installed: npm run site -- --build");
  }
  const file = createRequire(`${site}package.json`).resolve("puppeteer-core");
  const loaded = await import(pathToFileURL(file).href);
  const puppeteer = (loaded.launch ? loaded : loaded.default) as { launch(options: object): Promise<Browser> };
  const args = kind === "chrome" ? FLAGS : [];
  return await puppeteer.launch({ browser: kind, executablePath, headless: true, args, protocolTimeout: 300_000 });
}

function pathOf(name: string): string | null {
  const [program, ...rest] = process.platform === "win32" ? ["where", name] : ["which", name];
  try {
    return execFileSync(program!, rest, { encoding: "utf8", stdio: "pipe" }).split("\n")[0]!.trim();
  } catch {
    return null;
  }
}
