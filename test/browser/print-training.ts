/**
 * Prints what test/browser/training.ts gives under this Node: `.ci/run` compares the lines of several versions. In
 * the plain tier: SIMD gives the same bits only where the same instructions are to be had.
 */
import { describeTraining, train } from "./training.ts";

console.log(`${process.version}: ${describeTraining(train("plain"))}`);
