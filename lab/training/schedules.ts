/** The learning-rate schedules by name, each stretched over the whole run. */
import { type Schedule, schedules } from "../../src/nn/index.ts";

export const scheduleNames = ["constant", "step", "cosine", "warmup-cosine", "one-cycle"] as const;

export type ScheduleName = (typeof scheduleNames)[number];

/** What `fit` takes: the rate, and for some schedules the momentum. */
export type FitSchedule = Schedule | { readonly lr: Schedule; readonly momentum?: Schedule };

/** The schedule called `name` over `steps` steps, with `lr` as its highest rate. */
export function makeSchedule(name: ScheduleName, lr: number, steps: number): FitSchedule {
  switch (name) {
    case "constant":
      return schedules.constant(lr);
    case "step":
      // Divided by 10 at 32k and 48k of 64k steps (He et al. 2015, section 4.2), in proportion.
      return schedules.multiStepDecay(lr, { milestones: [Math.ceil(steps / 2), Math.ceil((3 * steps) / 4)] });
    case "cosine":
      return schedules.cosine(lr, { steps });
    case "warmup-cosine": {
      const rising = Math.floor(steps / 10);
      return schedules.warmup(schedules.cosine(lr, { steps: steps - rising }), { steps: rising, startFactor: 0.1 });
    }
    case "one-cycle":
      return schedules.oneCycle(lr, { steps });
  }
}
