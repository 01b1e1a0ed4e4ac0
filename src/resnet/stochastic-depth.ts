/**
 * Stochastic depth: Huang, Sun, Liu, Sedra & Weinberger 2016, "Deep Networks with Stochastic Depth", §3.
 *
 * In training each block's branch is skipped at random, for the whole batch, so that a short network is trained; in
 * evaluation all of them are there, each scaled by the probability p with which it was. A block does this by itself, given
 * its p (`survival`); this file has the rule that gives it.
 */
import { checkBetween, checkWhole } from "../tensor/arguments.ts";

/**
 * Linear decay (eq. 4): p_l = 1 − l/L·(1 − p_L). Early blocks, on which all others rely, are the last to be skipped.
 *
 * @param l number of the block, 1 … L.
 * @param L number of blocks.
 * @param last p_L. In the paper 0.5, which leaves about three quarters of the blocks in use at a time.
 *
 * @example
 * survivalProbability(27, 54, 0.5); // 0.75
 */
export function survivalProbability(l: number, L: number, last: number): number {
  checkWhole("survivalProbability", "L", L);
  checkWhole("survivalProbability", "l", l);
  checkBetween("survivalProbability", "last", last, 0, 1);
  return 1 - (l / L) * (1 - last);
}
