/** What the page says of its numbers: verdicts, percentages, what a screen reader hears. Factors in words: ../words.ts. */
import { factorInWords, flowSentence } from "../words.ts";

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
  const health = healthOf(factor);
  return health === "not a number" ? flowSentence("exploding", Number.NaN) : flowSentence(health, factor);
}

/** The same for a narrow card: "first layers: × 4", "first layers: under a millionth". */
export function verdictBrief(factor: number): string {
  const health = healthOf(factor);
  if (health === "healthy") return `first layers ×${factor >= 10 ? Math.round(factor) : Number(factor.toPrecision(1))}`;
  if (health === "dead") return "first layers: zero";
  if (health === "not a number") return "not a number";
  const words = factorInWords(factor).replace(/( of)? the gradient of the last one$/, "");
  return `first layers: ${words.replace("less than", "under")}`;
}

/** How well it reads, beside the percentage. Guessing among ten classes is right one time in ten. */
export function readingWords(accuracy: number, images: number, what: string): string {
  if (images === 0) return `of unseen ${what}: being tried`;
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
export function rowSentence(name: string, norms: ArrayLike<number>): string {
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
