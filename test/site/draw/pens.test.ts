import { inflateSync } from "node:zlib";
import { JSDOM } from "jsdom";
import { describe, expect, test } from "vitest";
import { lightPalette } from "../../../lab/page/theme.ts";
import { type Context2d, canvasPen } from "../../../site/lab/draw/canvas.ts";
import { svgOf } from "../../../site/lab/draw/svg.ts";

const size = { width: 100, height: 50 };

describe("svg pen", () => {
  test("the same calls give the same text, which is well-formed", () => {
    const draw = () =>
      svgOf(size, (pen) => {
        pen.clip(0, 0, 10, 10, () =>
          pen.line([0, 0, 1.234567, 2], { color: "#fff", width: 2, dash: [1, 2], offset: 3 }),
        );
        pen.text(1, 2, `<&"ok">`, { color: "#000", size: 12, halo: "#fff", turn: 90 });
        pen.circle(1, 2, 3, { fill: "#f00" });
      });
    expect(draw()).toBe(draw());
    const dom = new JSDOM(draw(), { contentType: "image/svg+xml" }).window.document;
    expect(dom.querySelector("text")!.textContent).toBe(`<&"ok">`);
    expect(dom.querySelector("path")!.getAttribute("d")).toBe("M0 0L1.23 2");
    expect(dom.querySelector("path")!.getAttribute("stroke-dashoffset")).toBe("3");
  });

  test("NaN lifts the pen, and nothing at all is no element", () => {
    const text = svgOf(size, (pen) => {
      pen.line([0, 0, 1, 1, Number.NaN, 0, 2, 2, 3, 3], { color: "#fff", width: 1 });
      pen.line([Number.NaN, 0], { color: "#fff", width: 1 });
    });
    expect(text.match(/ d="([^"]*)"/g)).toEqual([' d="M0 0L1 1M2 2L3 3"']);
  });

  test("a picture is a PNG with these pixels", () => {
    const data = Uint8ClampedArray.from({ length: 2 * 3 * 4 }, (_, i) => i * 9);
    const text = svgOf(size, (pen) => pen.image(0, 0, 10, 10, { width: 2, height: 3, data }));
    const file = Buffer.from(/base64,([^"]*)"/.exec(text)![1]!, "base64");
    expect(file.subarray(1, 4).toString()).toBe("PNG");
    expect([file.readUInt32BE(16), file.readUInt32BE(20)]).toEqual([2, 3]);
    const length = file.readUInt32BE(33);
    // zlib checks the Adler sum; the first byte of each row is its filter.
    const rows = inflateSync(file.subarray(41, 41 + length));
    expect([...rows].filter((_, i) => i % 9 !== 0)).toEqual([...data]);
  });
});

describe("canvas pen", () => {
  test("a line, a text and a picture reach the context", () => {
    const log: string[] = [];
    const made: [number, number][] = [];
    const contextOf = (): Context2d =>
      new Proxy({} as Record<string, unknown>, {
        get: (own, name: string) => {
          if (name in own) return own[name];
          if (name === "createImageData") return (w: number, h: number) => ({ data: new Uint8ClampedArray(4 * w * h) });
          return (...args: unknown[]) => log.push(`${name} ${args.map(String).join(" ")}`);
        },
        set: (own, name: string, value) => {
          own[name] = value;
          return true;
        },
      }) as unknown as Context2d;
    const pen = canvasPen(contextOf(), (w, h) => {
      made.push([w, h]);
      return contextOf();
    });
    pen.line([0, 1, 2, 3, Number.NaN, 0, 4, 5], { color: "#123456", width: 2 });
    pen.text(1, 2, "words", { color: "#000", size: 10 });
    const pixels = { width: 2, height: 1, data: new Uint8ClampedArray(8) };
    pen.image(0, 0, 10, 10, pixels);
    pen.image(0, 0, 10, 10, pixels);
    expect(log.filter((entry) => /^(moveTo|lineTo|fillText)/.test(entry))).toEqual([
      "moveTo 0 1",
      "lineTo 2 3",
      "moveTo 4 5",
      "fillText words 1 2",
    ]);
    // One canvas for pictures of one size, used again.
    expect(made).toEqual([[2, 1]]);
  });
});

describe("colours (WCAG 2.2, 1.4.3: 4.5 : 1 for text)", () => {
  const luminance = (hex: string): number => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const ratio = (a: string, b: string): number => {
    const [x, y] = [luminance(a), luminance(b)];
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  };

  test("the known ratio of black on white", () => expect(ratio("#000000", "#ffffff")).toBeCloseTo(21, 6));

  test("text tokens on background and panel, light and dark", async () => {
    const { darkPalette } = await import("../../../lab/page/theme.ts");
    for (const palette of [lightPalette, darkPalette]) {
      for (const token of ["ink", "faint", "residual", "plainText", "orangeText"] as const) {
        for (const ground of ["background", "panel"] as const) {
          expect(ratio(palette[token], palette[ground]), `${token} on ${ground}`).toBeGreaterThanOrEqual(4.5);
        }
      }
      // Lines and the ring: 3 : 1 (1.4.11).
      for (const token of ["residual", "plain", "focus"] as const) {
        expect(ratio(palette[token], palette.background), token).toBeGreaterThanOrEqual(3);
      }
    }
  });
});
