/** All experiments, in the order in which `--list` names them. */
import { UsageError } from "../errors.ts";
import type { AnyExperiment } from "../experiment.ts";
import { degradation } from "./degradation.ts";
import { expand } from "./expand.ts";
import { highway } from "./highway.ts";
import { init } from "./init.ts";
import { jacobian } from "./jacobian.ts";
import { landscape } from "./landscape.ts";
import { lesion } from "./lesion.ts";
import { orders } from "./orders.ts";
import { paths } from "./paths.ts";
import { shatter } from "./shatter.ts";
import { shortcuts } from "./shortcuts.ts";
import { stochasticDepth } from "./stochastic-depth.ts";
import { vanish } from "./vanish.ts";

export const experiments: readonly AnyExperiment[] = [
  degradation,
  vanish,
  shortcuts,
  orders,
  highway,
  paths,
  lesion,
  shatter,
  landscape,
  jacobian,
  stochasticDepth,
  expand,
  init,
];

/** @throws UsageError if there is none of this name. */
export function experimentNamed(name: string): AnyExperiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (!found) {
    throw new UsageError(`there is no experiment "${name}", only ${experiments.map(({ name }) => name).join(", ")}`);
  }
  return found;
}
