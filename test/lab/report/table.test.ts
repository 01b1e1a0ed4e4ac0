import { expect, test } from "vitest";
import { cellOf, cellText, csvRows, type Table } from "../../../lab/report/table.ts";

test("cells as a reader sees them", () => {
  expect(cellText("text", { label: "" })).toBe("text");
  expect(cellText(null, { label: "" })).toBe("–");
  expect(cellText(0.012345, { label: "" })).toBe("0.0123");
  expect(cellText(8.7512, { label: "", digits: 2 })).toBe("8.75");
  expect(cellText(67906, { label: "", digits: 0 })).toBe("67,906");
  expect(cellText(1.23456e16, { label: "", digits: 2 })).toBe("1.23e+16");
  expect(cellText(10905732.152, { label: "", digits: 3 })).toBe("1.09e+7");
  expect(cellText(132868840, { label: "", digits: 0 })).toBe("132,868,840");
  expect(cellText(-0.018, { label: "", digits: 3 })).toBe("−0.018");
  expect(cellText(Number.NaN, { label: "", digits: 2 })).toBe("NaN");
  expect(cellText(cellOf([8, 9]), { label: "", digits: 2 })).toBe("8.50 ± 0.71");
  expect(cellText(cellOf([8]), { label: "", digits: 2 })).toBe("8.00");
  expect(cellText(cellOf([1, 100], { log: true }), { label: "" })).toBe("10 ×÷ 26");
  expect(cellOf([])).toBeNull();
});

test("a CSV row has every digit, and a spread as two columns", () => {
  const table: Table = {
    id: "t",
    title: "",
    caption: "",
    columns: [{ label: "net" }, { label: "layers" }, { label: "error", digits: 1 }],
    rows: [
      ["plain", 8, cellOf([0.123456789, 0.2])],
      ["residual", 8, null],
    ],
  };
  expect(csvRows(table)).toEqual([
    { net: "plain", layers: 8, error: (0.123456789 + 0.2) / 2, "error (deviation)": expect.closeTo(0.0541, 3) },
    { net: "residual", layers: 8, error: null, "error (deviation)": null },
  ]);
});
