/** Numbers as words, for people who do not read 2.3e-9: factors of a gradient, percentages, what a screen reader says. */

const parts: readonly (readonly [least: number, words: string])[] = [
  [0.75, "about as much as"],
  [0.4, "half"],
  [0.28, "a third of"],
  [0.15, "a fifth of"],
  [0.05, "a tenth of"],
  [0.02, "a thirtieth of"],
  [0.005, "a hundredth of"],
  [5e-4, "a thousandth of"],
  [5e-5, "a ten-thousandth of"],
  [5e-6, "a hundred-thousandth of"],
  [5e-7, "a millionth of"],
  [1e-9, "less than a millionth of"],
];

/**
 * A factor in words that stand before "the gradient of the last layer": "4 times", "about as much as", "a thousandth of",
 * "less than a billionth of", "nothing of".
 */
export function factorWords(factor: number): string {
  if (Number.isNaN(factor)) return "no number beside";
  if (factor === 0) return "nothing of";
  if (factor === Number.POSITIVE_INFINITY) return "infinitely many times";
  if (factor >= 1.5) return `${countWords(factor)} times`;
  return parts.find(([least]) => factor >= least)?.[1] ?? "less than a billionth of";
}

/** A count in words: 3.7 is 4, 4216 is "4 thousand", 9e4 "90 thousand", 2e6 "2 million", beyond "over a billion". */
export function countWords(count: number): string {
  const rounded = (value: number): string => String(value < 10 ? Math.round(value) : Number(value.toPrecision(2)));
  if (count < 1000) return rounded(count);
  if (count < 1e6) return `${rounded(count / 1e3)} thousand`;
  if (count < 1e9) return `${rounded(count / 1e6)} million`;
  return "over a billion";
}

/** The states of a gradient's way, as `flowVerdict` of the library tells them apart. */
export type Health = "healthy" | "vanishing" | "exploding" | "dead" | "not a number";

/** Thresholds of `flowVerdict`: a thousandth and a thousand times. */
export function healthOf(factor: number): Health {
  if (Number.isNaN(factor) || factor === Number.POSITIVE_INFINITY) return "not a number";
  if (factor === 0) return "dead";
  if (factor < 1e-3) return "vanishing";
  return factor > 1e3 ? "exploding" : "healthy";
}

/** The sentence of a card: what of the gradient reaches the first layers, as a share of the last layer's. */
export function verdictSentence(factor: number): string {
  switch (healthOf(factor)) {
    case "not a number":
      return "The gradient is not a number any more.";
    case "dead":
      return "No gradient at all reaches the first layers: exactly zero.";
    case "healthy":
      return `The first layers get ${factorWords(factor)} the last layer's gradient: healthy.`;
    case "vanishing":
      return `The first layers get ${factorWords(factor)} the last layer's gradient: vanishing.`;
    case "exploding":
      return `The first layers get ${factorWords(factor)} the last layer's gradient: exploding.`;
  }
}

/** The same for a narrow card: "first layers: × 4", "first layers: under a millionth". */
export function verdictBrief(factor: number): string {
  const health = healthOf(factor);
  if (health === "healthy") return `first layers ×${factor >= 10 ? Math.round(factor) : Number(factor.toPrecision(1))}`;
  if (health === "dead") return "first layers: zero";
  if (health === "not a number") return "not a number";
  return `first layers: ${factorWords(factor).replace("less than", "under").replace(/ of$/, "")}`;
}

/** How well it reads, beside the percentage. Guessing among ten classes is right one time in ten. */
export function readingWords(accuracy: number, images: number, what: string): string {
  if (images === 0) return `of unseen ${what}: not tried yet`;
  return accuracy < 0.2 ? `of unseen ${what} right, by guessing` : `of unseen ${what} right`;
}

/** "72 %", or "–" where there is no number. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(100 * share)} %` : "–";
}

/** A number of any size in at most eight signs, with a true power: 4.6·10³, 0.038, 1.5·10⁻⁷. */
export function short(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : Number.isNaN(value) ? "not a number" : "∞";
  const size = Math.abs(value);
  if (size >= 0.01 && size < 1000) return String(Number(value.toPrecision(2)));
  const [digits, power] = value.toExponential(1).split("e") as [string, string];
  return `${digits.replace(/\.0$/, "")}·10${raised(Number(power))}`;
}

/** A whole number in raised figures: −7 is ⁻⁷. */
export function raised(power: number): string {
  return String(power).replace(/[-0-9]/g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)]!));
}

/** One network's row of gradients for the ear: where it lies, or from where to where it falls. Loss last in `norms`. */
export function flowSentence(name: string, norms: ArrayLike<number>): string {
  const all = Array.from(norms);
  const known = all.filter((norm) => norm > 0 && Number.isFinite(norm));
  if (all.length === 0 || known.length === 0) return `${name}: no gradient anywhere`;
  if (known.length < all.length) {
    return `${name}: ${all.length - known.length} of ${all.length} layers get no gradient`;
  }
  const power = (norm: number): string => tenWords(Math.round(Math.log10(norm)));
  const [first, last] = [all[0]!, all[all.length - 1]!];
  const [least, most] = [Math.min(...all), Math.max(...all)];
  if (most / least < 1e3) return `${name}: between ${power(least)} and ${power(most)} at all ${all.length} layers`;
  return `${name}: ${first < last ? "falls" : "rises"} from ${power(last)} at the loss to ${power(first)} at the image`;
}

function tenWords(power: number): string {
  if (power >= 0) return power < 4 ? String(10 ** power) : `10 to the ${power}`;
  return power > -4 ? String(10 ** power) : `10 to the minus ${-power}`;
}
