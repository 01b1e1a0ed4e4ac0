import { describe, expect, it } from "vitest";
import { toCsv } from "../../src/flow/rows.ts";

describe("toCsv", () => {
  it("writes a header and one line per row", () => {
    expect(
      toCsv([
        { layer: "conv1", norm: 0.5 },
        { layer: "fc", norm: 1e-9 },
      ]),
    ).toBe("layer,norm\r\nconv1,0.5\r\nfc,1e-9\r\n");
  });

  it("quotes commas, quotes and line breaks; null is empty", () => {
    expect(toCsv([{ a: 'x,"y"', b: null, c: "1\n2" }])).toBe('a,b,c\r\n"x,""y""",,"1\n2"\r\n');
  });

  it("no rows: nothing", () => {
    expect(toCsv([])).toBe("");
  });
});
