/** Memory of a page and its workers in Chromium, once garbage is collected. */
import type { Page, Session } from "./browser.ts";

/** Bytes: JavaScript's heap and what its arrays lie in. */
export interface Heaps {
  readonly page: number;
  /** Of all workers together. */
  readonly workers: number;
}

/** Collects garbage in the page and in each of its workers, and measures what is left. */
export async function heapsOf(page: Page): Promise<Heaps> {
  const session = await page.createCDPSession();
  const own = await heapOf(session);
  let workers = 0;
  for (const { client } of page.workers()) workers += await heapOf(client);
  return { page: own, workers };
}

async function heapOf(session: Session): Promise<number> {
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize, backingStorageSize = 0 } = (await session.send("Runtime.getHeapUsage")) as {
    usedSize: number;
    backingStorageSize?: number;
  };
  return usedSize + backingStorageSize;
}
