/** Numbers in words, for someone who has never read 2.3e-9. */

const PARTS: readonly (readonly [factor: number, words: string])[] = [
  [1 / 2, "half"],
  [1 / 3, "a third"],
  [1 / 5, "a fifth"],
  [1e-1, "a tenth"],
  [1e-2, "a hundredth"],
  [1e-3, "a thousandth"],
  [1e-4, "a ten-thousandth"],
  [1e-5, "a hundred-thousandth"],
  [1e-6, "a millionth"],
  [1e-7, "a ten-millionth"],
  [1e-8, "a hundred-millionth"],
  [1e-9, "a billionth"],
];

/**
 * A factor as it follows "the first layer gets": "4 times the gradient of the last one", "a billionth of the gradient of the
 * last one".
 */
export function factorInWords(factor: number): string {
  const rest = "the gradient of the last one";
  if (Number.isNaN(factor)) return "no number for a gradient";
  if (factor === 0) return "no gradient at all";
  if (factor >= 1.5) return `${manyInWords(factor)} times ${rest}`;
  if (factor > 0.7) return `as much gradient as the last one`;
  if (factor < 3e-10) return `less than a billionth of ${rest}`;
  const near = PARTS.reduce((a, b) => (distance(b[0], factor) < distance(a[0], factor) ? b : a));
  return near[1] === "half" ? `half ${rest}` : `${near[1]} of ${rest}`;
}

/** "4", "150", "2,000", "a million". */
function manyInWords(factor: number): string {
  if (factor >= 3e9) return "more than a billion";
  for (const [size, words] of [
    [1e9, "a billion"],
    [1e6, "a million"],
  ] as const) {
    if (factor >= size / 2)
      return factor < 1.5 * size ? words : `${Number((factor / size).toPrecision(1))} ${words.slice(2)}`;
  }
  const digits = factor < 10 ? 1 : 2;
  return Number(factor.toPrecision(digits)).toLocaleString("en-US");
}

function distance(a: number, b: number): number {
  return Math.abs(Math.log(a / b));
}

/** A state of the gradient's flow with its sentence. `factor`: first layer over last. */
export function flowSentence(health: string, factor: number): string {
  switch (health) {
    case "healthy":
      return `The first layer gets ${factorInWords(factor)}: healthy.`;
    case "vanishing":
      return `The first layers get ${factorInWords(factor)}: vanishing.`;
    case "exploding":
      return Number.isFinite(factor)
        ? `The first layers get ${factorInWords(factor)}: exploding.`
        : "The gradient is not a number any more: exploded.";
    case "dead":
      return "No gradient arrives at the first layers: exactly zero.";
    case "frozen":
      return "No layer learns: all are frozen.";
    case "unused":
      return "The loss does not depend on these layers.";
    default:
      return "";
  }
}
