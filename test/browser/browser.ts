/**
 * A page in a real, headless browser, with nothing between it and the test: a web server that serves the page and takes
 * back its document. No browser driver, no virtual time: workers and timers run as they do for a person.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { JSDOM } from "jsdom";

type Kind = "chromium" | "firefox";

const COMMANDS: Readonly<Record<Kind, readonly string[]>> = {
  chromium: ["chromium", "chromium-browser", "google-chrome"],
  firefox: ["firefox-esr", "firefox"],
};

/** The browser's command, or undefined where there is none. With SKIPSTONE_BROWSER=required its absence is an error. */
export function findBrowser(kind: Kind = "chromium"): string | undefined {
  for (const name of COMMANDS[kind]) {
    try {
      execFileSync(name, ["--version"], { stdio: "pipe" });
      return name;
    } catch {
      // Not here under this name.
    }
  }
  console.warn(`browser tests are skipped: no ${COMMANDS[kind].join(" or ")} on the PATH`);
  if (process.env["SKIPSTONE_BROWSER"] === "required") throw new Error(`no ${kind}, and SKIPSTONE_BROWSER=required`);
  return undefined;
}

/** Bundles a TypeScript program as one ES module for the browser. Leaves Node's modules unresolved: using one fails. */
export async function bundle(entry: string): Promise<string> {
  const options = { bundle: true, format: "esm", platform: "browser", target: "es2022", write: false } as const;
  const result = await build({ ...options, entryPoints: [entry] });
  return result.outputFiles[0].text;
}

/** Added to every page: reports the document when it says that it is finished, and anything that goes wrong before. */
const REPORTER = `<script>
  const report = (path, body) => fetch(path, { method: "POST", body });
  addEventListener("error", (event) => report("/failed", event.message || "a script or another file did not load"), true);
  addEventListener("unhandledrejection", (event) => report("/failed", String(event.reason)));
  const timer = setInterval(() => {
    if (document.body?.dataset.state !== "done") return;
    clearInterval(timer);
    report("/done", document.documentElement.outerHTML);
  }, 20);
</script>`;

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

type Served = string | Uint8Array | undefined;

export interface Visit {
  /** The page to open. Default "/". */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Patience. Default 45. */
  readonly seconds?: number;
}

/**
 * Opens a page in the browser and waits until it sets `<body data-state="done">`.
 *
 * @param serve what is at a path, undefined for 404. Text is a page where the path ends in `/`, else a script.
 * @returns the page's document as it was then.
 * @throws Error with the page's own message if a script throws, or after `seconds`.
 */
export async function visit(
  browser: string,
  serve: (path: string) => Served | Promise<Served>,
  { path: page = "/", headers = {}, seconds = 45 }: Visit = {},
): Promise<Document> {
  const profile = mkdtempSync(join(tmpdir(), "skipstone-browser-"));
  const server = createServer();
  try {
    const html = await new Promise<string>((resolve, reject) => {
      server.on("request", (request, response) => {
        const path = request.url ?? "/";
        if (request.method === "POST") {
          const chunks: Buffer[] = [];
          request.on("data", (chunk: Buffer) => chunks.push(chunk));
          request.on("end", () => {
            response.end();
            const text = Buffer.concat(chunks).toString("utf8");
            if (path === "/done") resolve(text);
            else reject(new Error(`the page failed: ${text}`));
          });
        } else if (path === "/favicon.ico") {
          response.writeHead(204).end();
        } else {
          Promise.resolve(serve(path)).then((content) => {
            if (content === undefined) return response.writeHead(404).end();
            if (typeof content !== "string") return response.writeHead(200, headers).end(content);
            const isPage = path.endsWith("/");
            const type = isPage ? "text/html; charset=utf-8" : "text/javascript";
            response.writeHead(200, { "content-type": type, ...headers });
            return response.end(isPage ? content.replace("<head>", `<head>${REPORTER}`) : content);
          }, reject);
        }
      });
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        const flags = COMMANDS.firefox.includes(browser)
          ? ["--headless", "--no-remote", "--profile", profile]
          : [...FLAGS, `--user-data-dir=${profile}`];
        const args = [...flags, `http://127.0.0.1:${port}${page}`];
        const child = spawn(browser, args, { stdio: "ignore", detached: true });
        const timer = setTimeout(() => reject(new Error(`the page was not done after ${seconds} s`)), seconds * 1000);
        child.on("error", reject);
        child.on("exit", (code) => reject(new Error(`${browser} ended by itself with code ${code}`)));
        server.on("close", () => {
          clearTimeout(timer);
          // The whole group: the browser is many processes.
          if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
        });
      });
    });
    return new JSDOM(html).window.document;
  } finally {
    server.close();
    server.closeAllConnections();
    await new Promise((resolve) => setTimeout(resolve, 200));
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
