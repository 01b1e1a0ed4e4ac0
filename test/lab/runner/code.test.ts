import { expect, test } from "vitest";
import { codeChecksum } from "../../../lab/runner/code.ts";

test("the same code, the same checksum; another experiment has another", () => {
  expect(codeChecksum("vanish")).toMatch(/^[0-9a-f]{16}$/);
  expect(codeChecksum("vanish")).toBe(codeChecksum("vanish"));
  expect(codeChecksum("vanish")).not.toBe(codeChecksum("degradation"));
});
