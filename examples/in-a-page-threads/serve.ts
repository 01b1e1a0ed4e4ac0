/**
 * Serves this folder's page with the headers that make it cross-origin isolated: only such a page may share memory with
 * its workers. Any server will do that sends both with every file. Run it in the project's root.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html; charset=utf-8", ".js": "text/javascript" };

createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const path = join(".", normalize(pathname), pathname.endsWith("/") ? "index.html" : "");
  response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
  response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
  try {
    const content = await readFile(path);
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(content);
  } catch {
    response.writeHead(404).end();
  }
}).listen(Number(process.argv[2] ?? 8000), "localhost", function (this: { address(): unknown }) {
  console.log(`http://localhost:${(this.address() as { port: number }).port}/examples/in-a-page-threads/`);
});
