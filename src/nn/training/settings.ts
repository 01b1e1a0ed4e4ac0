/** The options that a training is made with: it goes on differently from a checkpoint of one with others, and says so. */
import type { CompleteGroup, Optimizer } from "../optim/optimizer.ts";

/** By a name for people: `weightDecay`, or `weightDecay of group 1`. */
export type Settings = Readonly<Record<string, unknown>>;

/** The options of `fit` that change what a step computes. */
export interface StepSettings {
  readonly accumulate?: number;
  readonly clipNorm?: number;
  readonly badBatches?: "stop" | "skip";
}

type Options = { readonly lr: number } & Readonly<Record<string, unknown>>;

/** Those of the steps and of the optimiser, if it has groups; not the rate and the momentum, which belong to its state. */
export function settingsOf(
  optimizer: Optimizer,
  { accumulate = 1, clipNorm, badBatches = "stop" }: StepSettings,
): Settings {
  const settings: Record<string, unknown> = { accumulate, clipNorm: clipNorm ?? "none", badBatches };
  const { groups = [] } = optimizer as { readonly groups?: readonly CompleteGroup<Options>[] };
  groups.forEach(({ options, own, lrRatio }, i) => {
    const { lr: _lr, momentum: _momentum, betas, ...others } = options;
    const all = {
      ...others,
      ...(Array.isArray(betas) ? { "betas[1]": betas[1] } : {}),
      ...("momentum" in own ? { momentum: own["momentum"] } : {}),
      "lr ratio": lrRatio,
    };
    for (const [name, value] of Object.entries(all)) {
      settings[groups.length > 1 ? `${name} of group ${i}` : name] = value;
    }
  });
  return settings;
}

/** What differs, in words; null if nothing. */
export function otherSettings(saved: Settings, now: Settings): string | null {
  const names = [...new Set([...Object.keys(saved), ...Object.keys(now)])];
  const said = names
    .filter((name) => saved[name] !== now[name])
    .map((name) => `${name} (${saved[name] ?? "none"} then, ${now[name] ?? "none"} now)`);
  return said.length > 0 ? said.join(", ") : null;
}
