import { JSDOM } from "jsdom";
import { describe, expect, test } from "vitest";
import { firstPicture } from "../../../site/build/first.ts";
import type { Images } from "../../../site/lab/protocol.ts";

/** Noise: what is drawn is the same for any images. */
function imagesOf(count: number): Images {
  let state = 1;
  const random = (): number => {
    state = (state * 48271) % 0x7fffffff;
    return state & 255;
  };
  const images = Uint8Array.from({ length: count * 196 }, random);
  return { images, labels: Uint8Array.from({ length: count }, (_, i) => i % 10), pixels: 14 };
}

describe("the first picture", () => {
  test("both networks of the default run at their first step, light and dark", async () => {
    const shown = [0, 1, 2];
    const { light, dark } = await firstPicture({ train: imagesOf(32), test: imagesOf(8), shown });
    for (const text of [light, dark]) {
      const svg = new JSDOM(text, { contentType: "image/svg+xml" }).window.document.documentElement;
      expect(svg.getAttribute("aria-label")).toContain("powers of ten");
      // Words, diagram, chart, diagram.
      expect(svg.querySelectorAll("svg")).toHaveLength(4);
      const words = [...svg.querySelectorAll("text")].map(({ textContent }) => textContent);
      expect(words).toEqual(expect.arrayContaining(["image", "loss", "0", "∞", "with skip connections", "without"]));
    }
    const ids = [...`${light}${dark}`.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(light).not.toBe(dark);
  });
});
