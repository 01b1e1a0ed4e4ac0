/** A small server of static files: for `npm run site`, and for the site's tests. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { extname, join, normalize } from "node:path";
import { createGzip } from "node:zlib";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webp": "image/webp",
  ".gif": "image/gif",
  ".ico": "image/x-icon",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
};

/** Whether a file shrinks on the way: texts do, what is packed already does not. */
export function isText(path: string): boolean {
  return /\.(html|m?js|css|json|svg|txt|webmanifest)$/.test(path);
}

/** A server that has begun to listen. */
export interface Serving {
  /** Of the site's first page, with a slash at its end. */
  readonly address: string;
  readonly server: Server;
}

/**
 * Serves the files of `folder` under `base`, which begins and ends with a slash, at `port` of this machine (0: any that is free).
 * What is not there answers 404 with the site's page for it.
 */
export function serve(
  folder: string,
  { port = 0, base = "/" }: { port?: number; base?: string } = {},
): Promise<Serving> {
  const server = createServer((request, response) => {
    const path = fileOf(folder, request.url ?? "/", base);
    const missing = path === undefined;
    const file = path ?? join(folder, "404.html");
    const head: Record<string, string> = { "content-type": TYPES[extname(file)] ?? "application/octet-stream" };
    if (missing && !existsSync(file)) return void response.writeHead(404).end();
    const packed = isText(file) && /\bgzip\b/.test(String(request.headers["accept-encoding"]));
    if (packed) head["content-encoding"] = "gzip";
    // Files in assets/ have their checksum in their names.
    head["cache-control"] =
      /\/assets\//.test(request.url ?? "") && !missing ? "max-age=31536000, immutable" : "no-cache";
    response.writeHead(missing ? 404 : 200, head);
    if (request.method === "HEAD") return void response.end();
    const bytes = createReadStream(file);
    (packed ? bytes.pipe(createGzip()) : bytes).pipe(response);
  });
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE" || error.code === "EACCES";
      reject(taken ? new Error(`port ${port} is not free; without --port, one that is free is taken`) : error);
    });
    server.listen(port, "127.0.0.1", () => {
      const at = server.address();
      resolve({ server, address: `http://localhost:${typeof at === "object" && at ? at.port : port}${base}` });
    });
  });
}

/** The file that an address means, or undefined. Nothing outside `folder` is ever meant. */
export function fileOf(folder: string, url: string, base: string): string | undefined {
  let path: string;
  try {
    path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
  } catch {
    return undefined;
  }
  if (!path.startsWith(base)) return undefined;
  const inside = path.slice(base.length);
  if (inside.split(/[\\/]/).includes("..")) return undefined;
  const file = join(folder, inside.endsWith("/") || inside === "" ? `${inside}index.html` : inside);
  return existsSync(file) && statSync(file).isFile() ? file : undefined;
}
