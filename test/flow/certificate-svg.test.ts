/** The certificate as a picture, read as XML. */
import { JSDOM } from "jsdom";
import { describe, expect, it } from "vitest";
import { VERDICTS } from "../../src/flow/certificate.ts";
import { toSvg } from "../../src/flow/certificate-svg.ts";
import { blockOf, certificateOf } from "./certificate-fixture.ts";

/** Throws where the text is no XML. */
const read = (svg: string): Document => new JSDOM(svg, { contentType: "image/svg+xml" }).window.document;
const texts = (svg: string): string[] => [...read(svg).querySelectorAll("text")].map((text) => text.textContent ?? "");
const many = (count: number) => Array.from({ length: count }, (_, i) => blockOf("identity", `layer1.${i}`));

describe("toSvg", () => {
  it.each(VERDICTS)("%s: its word in the block and in the legend, its reason as a title", (verdict) => {
    const svg = toSvg(certificateOf([blockOf(verdict, "layer1.0")]));
    expect(texts(svg).filter((text) => text === verdict).length).toBe(2);
    expect(svg).toContain(`<title>layer1.0: ${verdict}. made by hand: ${verdict}</title>`);
  });

  it("says factor and opening where they are not 1, and only there", () => {
    const svg = toSvg(certificateOf([blockOf("identity", "a"), blockOf("scale", "b"), blockOf("mask", "c")]));
    expect(texts(svg)).toContain("×0.5");
    expect(texts(svg)).toContain("54 % open");
    expect(texts(svg)).not.toContain("×1");
    expect(texts(svg)).not.toContain("100 % open");
  });

  it("of a number that has no room nothing is cut off that changes it", () => {
    const blocks = Array.from({ length: 20 }, (_, i) => blockOf("scale", `layer1.${i}`, { open: 0.5 }));
    expect(texts(toSvg(certificateOf(blocks))).filter((text) => text === "×0.5, 50 %").length).toBe(20);
  });

  it("crosses the blocks that do not hold, and shows the first one's counterexample", () => {
    const svg = toSvg(certificateOf([...many(3), blockOf("mask", "layer2.0"), blockOf("zero", "layer2.1")]));
    expect(read(svg).querySelectorAll(".cross").length).toBe(2);
    expect(texts(svg).join(" ")).toContain("First that does not hold: layer2.0: made by hand: mask");
    expect(texts(svg).join(" ")).toContain("entry 7 of ∂L/∂y is lost (add, step 1 of 1 on the way back)");
    expect(read(toSvg(certificateOf(many(3)))).querySelectorAll(".cross").length).toBe(0);
  });

  it("a bar is as long as the part that arrives", () => {
    const [full, half] = [1, 0.5].map((open) => {
      const svg = toSvg(certificateOf([blockOf("mask", "layer1.0", { open })]));
      return Number(read(svg).querySelector(".bar")!.getAttribute("width"));
    });
    expect(half / full).toBeCloseTo(0.5);
  });

  it.each([1, 3, 54, 333, 600])("%i blocks: every one inside the picture, no two on one place", (count) => {
    for (const width of [880, 358]) {
      const svg = toSvg(certificateOf(many(count)), { width });
      const root = read(svg).documentElement;
      const height = Number(root.getAttribute("height"));
      const frames = [...root.querySelectorAll("g > rect.frame")].map((frame) =>
        ["x", "y", "width", "height"].map((name) => Number(frame.getAttribute(name))),
      );
      expect(frames.length).toBe(count);
      for (const [x, y, w, h] of frames) {
        expect(x >= 0 && y >= 0 && x + w <= width && y + h <= height).toBe(true);
      }
      expect(new Set(frames.map(([x, y]) => `${x} ${y}`)).size).toBe(count);
    }
  });

  it("names from anywhere stay text", () => {
    const name = `<script>alert("&")</script>\u0000`;
    const svg = toSvg(certificateOf([blockOf("identity", name, { reason: name })], { summary: name, model: name }));
    expect(read(svg).querySelector("script")).toBeNull();
    expect(texts(svg)[0]).toBe('<script>alert("&")</script>\u{fffd}');
  });

  it("a second call has its number; a long name keeps its end", () => {
    const svg = toSvg(
      certificateOf([blockOf("identity", "a", { call: 2 }), blockOf("identity", `${"deep.".repeat(20)}end`)]),
    );
    expect(texts(svg)).toContain("a (call 2)");
    expect(texts(svg).some((text) => /^….*deep\.end$/.test(text))).toBe(true);
  });

  it("a network without blocks is its summary", () => {
    expect(texts(toSvg(certificateOf([])))).toEqual(["Not certified: by hand.", "ResNet, training mode, 0 blocks"]);
  });

  it("has both colours of the day, and is the same every time", () => {
    const certificate = certificateOf(many(20));
    expect(toSvg(certificate)).toContain("prefers-color-scheme: dark");
    expect(toSvg(JSON.parse(JSON.stringify(certificate)))).toBe(toSvg(certificate));
  });

  it("refuses what is no certificate", () => {
    expect(() => toSvg({} as never)).toThrow(/^toSvg: needs a certificate/);
  });
});
