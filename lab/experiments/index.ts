/** All experiments, in the order of `--list`. */
import { UsageError } from "../errors.ts";
import type { AnyExperiment, Computation, Experiment } from "../experiment.ts";
import { degradation } from "./degradation.ts";
import { expand } from "./expand.ts";
import { highway } from "./highway.ts";
import { highwayReport } from "./highway-report.ts";
import { init } from "./init.ts";
import { jacobian } from "./jacobian.ts";
import { jacobianReport } from "./jacobian-report.ts";
import { landscape } from "./landscape.ts";
import { landscapeReport } from "./landscape-report.ts";
import { lesion } from "./lesion.ts";
import { lesionReport } from "./lesion-report.ts";
import { orders } from "./orders.ts";
import { paths } from "./paths.ts";
import { shatter } from "./shatter.ts";
import { shortcuts } from "./shortcuts.ts";
import { stochasticDepth } from "./stochastic-depth.ts";
import { twins } from "./twins.ts";
import { twinsReport } from "./twins-report.ts";
import { vanish } from "./vanish.ts";

export const experiments: readonly AnyExperiment[] = [
  joined(twins, twinsReport),
  degradation,
  vanish,
  shortcuts,
  orders,
  joined(highway, highwayReport),
  paths,
  joined(lesion, lesionReport),
  shatter,
  joined(landscape, landscapeReport),
  joined(jacobian, jacobianReport),
  stochasticDepth,
  expand,
  init,
];

/** Joins a computation and its report, where they are separate files. */
function joined<O extends object, T extends object, R>(
  computation: Computation<O, T, R>,
  report: Experiment<O, T, R>["report"],
): Experiment<O, T, R> {
  return { ...computation, report };
}

/** @throws UsageError if there is none of this name. */
export function experimentNamed(name: string): AnyExperiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (!found) {
    throw new UsageError(`there is no experiment "${name}", only ${experiments.map(({ name }) => name).join(", ")}`);
  }
  return found;
}
