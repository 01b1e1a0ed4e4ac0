/**
 * The equation of `einsum`: which axes its operands have, by letter, and which its result.
 *
 *   "bij,bjk->bik"   explicit: letters that are missing behind the arrow are summed over
 *   "ij,jk"          implicit: the result has the letters that occur once, in the order of the alphabet (A–Z first)
 *   "...ij->...ji"   "..." is whatever axes an operand has besides its letters; they broadcast from the right
 */
import { ShapeError, ValueError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";

export interface EinsumGeometry {
  /**
   * The name of each axis of each operand: its letter, or `…k` for the axis k places before the last of those that "..."
   * stands for.
   */
  readonly operands: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** One character for "...". */
const ELLIPSIS = "…";

/**
 * @throws ValueError for an equation that is none, or is not one of so many operands. ShapeError for an operand with
 * another number of axes, and for a letter with two lengths, unless one of them is 1: it broadcasts.
 */
export function einsumGeometry(equation: string, shapes: readonly Shape[]): EinsumGeometry {
  const [left, right, ...more] = equation.replaceAll("...", ELLIPSIS).split("->");
  if (more.length > 0) fail(equation, `must have at most one "->"`);
  const terms = left.split(",").map((term) => lettersOf(equation, term));
  if (terms.length !== shapes.length) {
    fail(equation, `must have one term for each of ${shapes.length} tensors, got ${terms.length}`);
  }
  const operands = terms.map((term, i) => axesOf(term, shapes[i], i));
  checkLengths(operands, shapes);

  const all = operands.flat();
  const rest = Math.max(0, ...operands.map((axes) => axes.filter((name) => name.startsWith(ELLIPSIS)).length));
  if (right === undefined) {
    const timesOf = (name: string): number => all.filter((other) => other === name).length;
    const letters = all.filter((name) => !name.startsWith(ELLIPSIS) && timesOf(name) === 1).sort();
    return { operands, output: [...ellipsisAxes(rest), ...letters] };
  }
  const output = lettersOf(equation, right).flatMap((letter) => (letter === ELLIPSIS ? ellipsisAxes(rest) : [letter]));
  for (const [i, name] of output.entries()) {
    if (output.indexOf(name) !== i) fail(equation, `must name each axis of the result once, got ${name} twice`);
    if (!all.includes(name)) fail(equation, `must have ${name}, which is in the result, in an operand, too`);
  }
  return { operands, output };
}

function fail(equation: string, reason: string): never {
  throw new ValueError(`einsum: the equation ${reason}: "${equation}"`);
}

/** The letters of a term, and at most one ellipsis. */
function lettersOf(equation: string, term: string): string[] {
  const letters = [...term].filter((character) => character !== " ");
  const wrong = letters.find((letter) => !/^[A-Za-z…]$/.test(letter));
  if (wrong !== undefined) fail(equation, `must have letters, "...", "," and "->" only, got "${wrong}"`);
  if (letters.indexOf(ELLIPSIS) !== letters.lastIndexOf(ELLIPSIS)) fail(equation, `must have one "..." in a term`);
  return letters;
}

function ellipsisAxes(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${ELLIPSIS}${count - 1 - i}`);
}

function axesOf(term: readonly string[], shape: Shape, operand: number): string[] {
  const rest = term.includes(ELLIPSIS) ? shape.length - (term.length - 1) : 0;
  if (rest < 0 || (!term.includes(ELLIPSIS) && term.length !== shape.length)) {
    const wanted = term.join("").replace(ELLIPSIS, "...");
    throw new ShapeError(`einsum: operand ${operand} must have the axes "${wanted}", got ${formatShape(shape)}`);
  }
  return term.flatMap((letter) => (letter === ELLIPSIS ? ellipsisAxes(rest) : [letter]));
}

function checkLengths(operands: readonly (readonly string[])[], shapes: readonly Shape[]): void {
  const shown = shapes.map(formatShape).join(", ");
  const nameOf = (name: string): string => (name.startsWith(ELLIPSIS) ? `an axis of "..."` : `letter ${name}`);
  const lengths = new Map<string, { length: number; operand: number }>();
  operands.forEach((axes, operand) => {
    axes.forEach((name, axis) => {
      const length = shapes[operand][axis];
      const first = shapes[operand][axes.indexOf(name)];
      if (length !== first) {
        throw new ShapeError(
          `einsum: ${nameOf(name)} must have one length in operand ${operand}, got ${first} and ${length} (${shown})`,
        );
      }
      const known = lengths.get(name);
      if (known && known.length !== 1 && length !== 1 && known.length !== length) {
        throw new ShapeError(
          `einsum: ${nameOf(name)} must have one length, got ${known.length} in operand ${known.operand} and ${length} in operand ${operand} (${shown})`,
        );
      }
      if (!known || known.length === 1) lengths.set(name, { length, operand });
    });
  });
}
