/** A page that is closed while it computes on several threads leaves none of them. Chromium names the threads of workers. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { bundle, findBrowser } from "./browser.ts";
import { startWithDevtools } from "./devtools.ts";

const browser = findBrowser();
const PAGE = '<!doctype html><html><head></head><body><script type="module" src="/page.js"></script></body></html>';
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** Threads of workers in all processes of a group. */
function countWorkers(group: number): number {
  const read = (path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return ""; // It has just ended.
    }
  };
  const list = (path: string): string[] => {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  };
  // After the name in brackets: state, parent, group.
  const members = list("/proc").filter((pid) => read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ")[2] === `${group}`);
  const threads = members.flatMap((pid) =>
    list(`/proc/${pid}/task`).map((task) => read(`/proc/${pid}/task/${task}/comm`)),
  );
  return threads.filter((name) => name.startsWith("DedicatedWorker")).length;
}

test.skipIf(!browser || !existsSync("/proc/self/task"))(
  "closed in the middle: its workers are gone",
  async () => {
    const script = await bundle("test/browser/threads-closed-page.ts");
    const server = createServer((request, response) => {
      const isPage = request.url === "/";
      response.writeHead(200, { "content-type": isPage ? "text/html" : "text/javascript", ...HEADERS });
      response.end(isPage ? PAGE : script);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { pid, ask, calls, end } = startWithDevtools(browser!);
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
      await ask("Runtime.enable", {}, sessionId as string);
      await ask("Page.navigate", { url }, sessionId as string);
      await until(() => calls.length > 0);
      expect(calls[0][0].value).toBe(3);
      expect(countWorkers(pid)).toBe(2);
      await ask("Target.closeTarget", { targetId });
      await until(() => countWorkers(pid) === 0);
      // The browser is there, and another page has its threads.
      await ask("Target.createTarget", { url });
      await until(() => countWorkers(pid) === 2);
    } finally {
      await end();
      server.close();
      server.closeAllConnections();
    }
  },
  120_000,
);
