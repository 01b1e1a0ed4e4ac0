/**
 * The site without a network: a service worker keeps the front page, its scripts and its data from the first visit on, and
 * every other page once it was read. Browsers allow it on https and on localhost; elsewhere the site works without.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { filesOf, wayUp } from "./relative.ts";

/** Writes the service worker of `folder`, a finished site, and asks for it in every page. */
export function makeOffline(folder: string): void {
  const files = filesOf(folder);
  const hash = createHash("sha256");
  for (const path of files) hash.update(path).update(readFileSync(folder + path));
  const version = hash.digest("hex").slice(0, 16);
  const front = frontPage(files, readFileSync(`${folder}index.html`, "utf8"));
  writeFileSync(`${folder}offline.js`, worker(version, front));
  for (const path of files.filter((path) => path.endsWith(".html") && path !== "404.html")) {
    const text = readFileSync(folder + path, "utf8");
    writeFileSync(
      folder + path,
      text.replace("</body>", () => `<script>${register(wayUp(path))}</script></body>`),
    );
  }
}

/** Asks for the service worker from a page that is so far below the root. The examples are no pages of VitePress: they know no base. */
const register = (up: string): string =>
  `addEventListener("load",()=>navigator.serviceWorker?.register("${up}offline.js").catch(()=>{}))`;

/** What the front page needs: what it names, the chunks that scripts fetch when asked for, and the small images' data. */
function frontPage(files: readonly string[], html: string): string[] {
  const named = files.filter((path) => path.startsWith("assets/") && html.includes(path));
  const shared = files.filter((path) => /^assets\/(chunks\/|worker-)/.test(path) && !/localSearch/i.test(path));
  const pictures = files.filter((path) => /^first-\w+\.svg$/.test(path));
  const data = files.filter((path) => /(digits|fashion)-\d+\.[\w-]+\.bin$/.test(path));
  return [...new Set(["./", "index.html", "favicon.svg", ...pictures, ...named, ...shared, ...data])].filter(
    (path) => path === "./" || files.includes(path),
  );
}

/** Its text. Files that are there are answered from the cache; a new build has a new cache, and the old one goes. */
function worker(version: string, front: readonly string[]): string {
  return `// Written by site/build/offline.ts.
const CACHE = "skipstone-" + registration.scope + "-${version}";
const FRONT = ${JSON.stringify(front)};
addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FRONT)).then(() => skipWaiting()));
});
addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("skipstone-" + registration.scope + "-") && name !== CACHE;
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});
addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(registration.scope)) return;
  event.respondWith(answer(request));
});
async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreSearch: true });
  // Pages ask the network first, so a new build is seen at once; the rest has its content's hash in its name.
  if (kept && request.mode !== "navigate") return kept;
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}
`;
}
