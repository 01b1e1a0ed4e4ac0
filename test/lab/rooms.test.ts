/** Which rooms of the laboratory know which: what is written (report) and what draws it (page) are two of them. */
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { importCircle, importGraph } from "../project/import-graph.ts";

/** The rooms and what each may import at run time, the files at the top of lab/ ("ground") and its own aside. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  ground: [],
  report: [],
  data: [],
  training: ["report"],
  // An experiment delivers data: it draws nothing, and knows no thread and no command line.
  experiments: ["report", "data", "training"],
  page: ["report"],
  models: ["report", "page", "data"],
  runner: ["report", "data", "training", "experiments", "page"],
};

const roomOf = (path: string): string => (path.includes("/") ? path.split("/")[0] : "ground");

test("every import inside lab/ is one that its room may have, and there is no circle", async () => {
  const imports = (await importGraph(resolve("lab"))).filter(({ to, external }) => !external && !to.startsWith(".."));
  expect(imports.length).toBeGreaterThan(100);
  const broken = imports.filter(({ from, to }) => {
    const [here, there] = [roomOf(from), roomOf(to)];
    if (from === "lab.ts" || here === there) return false;
    return there !== "ground" && !ROOMS[here].includes(there);
  });
  expect(broken.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  expect(importCircle(imports)?.join(" → ")).toBeUndefined();
});
