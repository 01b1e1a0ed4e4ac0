/** The wire format, by the examples of its documentation: https://protobuf.dev/programming-guides/encoding. */
import { describe, expect, it } from "vitest";
import { bytes, encode, type Field, float, int, message, sizeOf, text } from "../../../src/io/onnx/protobuf.ts";

const hex = (...fields: Field[]): string =>
  Array.from(encode(fields), (b) => b.toString(16).padStart(2, "0")).join(" ");

describe("fields as the documentation writes them", () => {
  it.each<[name: string, field: Field, expected: string]>([
    ["150 in field 1", int(1, 150), "08 96 01"],
    ['"testing" in field 2', text(2, "testing"), "12 07 74 65 73 74 69 6e 67"],
    ["a message with 150 in its field 1, in field 3", message(3, [int(1, 150)]), "1a 03 08 96 01"],
    ["−2: two's complement of 64 bits", int(1, -2), "08 fe ff ff ff ff ff ff ff ff 01"],
    ["0", int(1, 0), "08 00"],
    ["127, the last of one group, and 128", int(1, 127), "08 7f"],
    ["128, the first of two groups", int(1, 128), "08 80 01"],
    ["2⁵³ − 1", int(1, Number.MAX_SAFE_INTEGER), "08 ff ff ff ff ff ff ff 0f"],
    ["a field number above 15", int(20, 1), "a0 01 01"],
    ["1 as a float32", float(2, 1), "15 00 00 80 3f"],
    ["−0 as a float32", float(2, -0), "15 00 00 00 80"],
    ["text that is not ASCII", text(1, "π×"), "0a 04 cf 80 c3 97"],
    ["no text", text(1, ""), "0a 00"],
    ["no fields", message(1, []), "0a 00"],
    ["raw bytes", bytes(9, 3, (target, at) => target.set([1, 2, 3], at)), "4a 03 01 02 03"],
  ])("%s", (_, field, expected) => {
    expect(hex(field)).toBe(expected);
    expect(field.size).toBe(expected.split(" ").length);
  });
});

describe("messages", () => {
  it("fields follow one another, and messages nest", () => {
    expect(hex(message(1, [int(1, 1), message(2, [text(1, "a")])]), int(2, 3))).toBe(
      "0a 07 08 01 12 03 0a 01 61 10 03",
    );
  });

  it("a message longer than 127 bytes has a length of two groups", () => {
    const fields = [message(1, [bytes(1, 200, (target, at) => target.fill(7, at, at + 200))])];
    const encoded = encode(fields);
    expect(Array.from(encoded.slice(0, 7))).toEqual([0x0a, 203, 1, 0x0a, 200, 1, 7]);
    expect(encoded.length).toBe(206);
  });

  it("the size is known before anything is written", () => {
    let written = 0;
    const large = bytes(1, 2 ** 40, () => written++);
    expect(sizeOf([large])).toBe(2 ** 40 + 1 + 6);
    expect(written).toBe(0);
  });
});
