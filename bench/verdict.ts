/** A row of a table of targets: what was measured, and whether it is good enough. */
import { compare, type Entry, type Rounds } from "./contender.ts";
import { milliseconds } from "./report.ts";

export interface TargetRow {
  readonly name: string;
  readonly target: string;
  readonly measured: string;
  /** The two times that were compared. */
  readonly times: string;
  readonly verdict: "ok" | "short" | "not measured" | "";
  /** Why it was not measured. */
  readonly reason?: string;
}

/** Two that do the same work. */
export interface Duel {
  readonly name: string;
  readonly entry: Entry;
  readonly reference: Entry;
  /** The reference's name in the table. */
  readonly against: string;
  /** The entry takes at most so many times the reference's time; undefined: there is no target. */
  readonly limit: number | undefined;
}

export async function measureDuel(
  { name, entry, reference, against, limit }: Duel,
  rounds: Rounds,
): Promise<TargetRow> {
  const [theirs, ours] = await compare([reference, entry], rounds);
  const { ratio, spread = 0 } = ours;
  return {
    name,
    target: limit === undefined ? "" : `≤ ${limit} × ${against}`,
    measured: ratio === undefined ? "" : `${ratio.toFixed(2)} ±${(100 * spread).toFixed(0)} %`,
    times: [ours, theirs].map(({ median }) => (median === undefined ? "–" : milliseconds(median))).join(" / "),
    ...verdictOf(ratio, limit === undefined ? undefined : (value) => value <= limit, ours.cannot ?? theirs.cannot),
  };
}

export function verdictOf(
  value: number | undefined,
  good: ((value: number) => boolean) | undefined,
  cannot: string | undefined,
): Pick<TargetRow, "verdict" | "reason"> {
  if (value === undefined || Number.isNaN(value)) {
    return { verdict: "not measured", ...(cannot === undefined ? {} : { reason: cannot }) };
  }
  return { verdict: good ? (good(value) ? "ok" : "short") : "" };
}
