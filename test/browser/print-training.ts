/** Prints what test/browser/training.ts gives under this Node: `.ci/run` compares the lines of several versions. */
import { describeTraining, train } from "./training.ts";

console.log(`${process.version}: ${describeTraining(train())}`);
