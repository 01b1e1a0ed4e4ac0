/** The page of the site that docs/tour.md becomes. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { neighbour } from "../../site/tour/grid.ts";
import { figureNames, tourPage } from "../../site/tour/page.ts";
import { parts } from "../../site/tour/parts.ts";
import { tourState } from "../../site/tour/program.ts";
import { sceneOf } from "../../site/tour/scene.ts";
import { moved, stepped, World } from "../../site/tour/world.ts";

describe("tourPage", () => {
  const text = readFileSync("docs/tour.md", "utf8");
  const page = tourPage(text);

  test("puts every figure into the page once, in order", () => {
    expect([...page.matchAll(/data-tour="([\w-]+)"/g)].map(([, name]) => name)).toEqual(figureNames);
    expect(Object.keys(parts)).toEqual(figureNames);
  });

  test("leaves no marker, and takes no code or word away", () => {
    expect(page).not.toContain("<!--");
    const bare = (markdown: string): string =>
      markdown.replace(/<!-- figure.*-->|<\/?div.*>/g, "").replace(/\n+/g, "\n");
    expect(bare(page)).toBe(bare(text));
  });

  test("keeps the code inside the figure's element, with the empty lines that Markdown needs", () => {
    expect(tourPage("a\n\n<!-- figure: mean -->\n```ts\nm.item();\n```\n\nb\n")).toBe(
      'a\n\n<div class="tour-figure" data-tour="mean">\n\n```ts\nm.item();\n```\n\n</div>\n\n\nb\n',
    );
    expect(tourPage("a\n\n<!-- figure: input -->\n\n```ts\nb;\n```\n")).toBe(
      'a\n\n<div class="tour-figure" data-tour="input">\n</div>\n\n\n```ts\nb;\n```\n',
    );
  });

  test("a marker that names no figure is an error", () => {
    expect(() => tourPage("<!-- figure: nothing -->\n")).toThrow('the tour has a marker for "nothing"');
  });
});

test("every quantity of every figure is in the scene, with the shortcut and without", () => {
  for (const cut of [false, true]) {
    const { quantities } = sceneOf({ ...tourState, cut });
    for (const id of Object.values(parts).flatMap((part) => part.quantities)) {
      expect(quantities.get(id)?.cells.length, id).toBeGreaterThan(0);
    }
  }
});

test("every number of the computation is in a figure", () => {
  const shown = new Set(Object.values(parts).flatMap((part) => part.quantities));
  expect([...sceneOf(tourState).quantities.keys()].filter((id) => !shown.has(id))).toEqual(["g:v"]);
});

test("arrow keys move inside a grid and stop at its edge", () => {
  const x = sceneOf(tourState).quantities.get("x")!;
  const keys = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "a"];
  expect(keys.map((key) => neighbour(x, 5, key))).toEqual([1, 9, 4, 6, 0, 15, null]);
  expect(keys.map((key) => neighbour(x, 3, key))).toEqual([null, 7, 2, null, 0, 15, null]);
});

describe("the figures' common state", () => {
  test("tells its watchers what changed, and goes back to the text", () => {
    const world = new World();
    const told: boolean[] = [];
    const end = world.watch((changed) => told.push(changed));
    world.point("x/3");
    world.point("x/3");
    world.change({ cut: true });
    world.reset();
    end();
    world.point(null);
    expect(told).toEqual([false, true, true]);
    expect([world.watched, world.scene.state]).toEqual([0, tourState]);
  });

  test("pointing wins over what is pinned, and a second tap ends that", () => {
    const world = new World();
    world.pin("over/0");
    expect(world.lit).toBe("over/0");
    world.point("x/0");
    expect(world.lit).toBe("x/0");
    world.point(null);
    world.change({ cut: true });
    expect(world.lit).toBe("over/0");
    world.pin("over/0");
    expect(world.lit).toBeNull();
  });

  test("steps stay inside the image and between −9 and 9", () => {
    expect(moved(tourState, 1, 0)).toEqual({ row: 3, column: 2 });
    expect(moved({ ...tourState, row: 3 }, 1, -1)).toEqual({ row: 3, column: 1 });
    expect(stepped(tourState, "pixel", 1).image![2]).toEqual([0, 3, 3, 0]);
    expect(stepped(tourState, "pixel", 20).image![2][2]).toBe(9);
    expect(stepped(tourState, "tap", 0.5).filter![1]).toEqual([0.5, -0.5, 0.5]);
    expect(tourState.image[2][2]).toBe(2);
  });
});
