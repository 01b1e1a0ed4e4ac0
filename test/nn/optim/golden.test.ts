/** Every optimiser and schedule against `torch.optim`: test/golden/optimizers.json and test/golden/optimizers-more. */

import { valueAndGrad } from "../../../src/autograd/backward.ts";
import { mseLoss } from "../../../src/autograd/element-losses.ts";
import { add } from "../../../src/autograd/elementwise.ts";
import { matmul } from "../../../src/autograd/matmul.ts";
import {
  Adam,
  AdamW,
  type Optimizer,
  RMSprop,
  type RmspropOptions,
  type Schedule,
  SGD,
  schedules,
} from "../../../src/nn/index.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import type { Attributes } from "../../support/golden.ts";
import { type GoldenRun, goldenFamily } from "../../support/golden-family.ts";

function optimizerOf([W, b]: Tensor[], { optimizer, lr, betas, eps, ...attrs }: Attributes): Optimizer {
  const common = { lr, weightDecay: attrs["weight_decay"] ?? 0, maximize: attrs["maximize"] ?? false };
  const { amsgrad = false, groups } = attrs as { amsgrad?: boolean; groups?: { b: object } };
  const parameters = groups ? [{ parameters: [W] }, { parameters: [b], ...groups.b }] : [W, b];
  switch (optimizer) {
    case "sgd":
      return new SGD(parameters, {
        ...common,
        momentum: attrs["momentum"] ?? 0,
        dampening: attrs["dampening"] ?? 0,
        nesterov: attrs["nesterov"] ?? false,
      });
    case "adam":
      return new Adam(parameters, { ...common, betas, eps, amsgrad });
    case "adamw":
      return new AdamW(parameters, { ...common, betas, eps, amsgrad });
    case "rmsprop": {
      const { alpha, momentum, centered } = attrs as { alpha?: number; momentum?: number; centered?: boolean };
      return new RMSprop(parameters, { ...common, eps, alpha, momentum, centered } as RmspropOptions);
    }
    default:
      throw new Error(`no optimiser called ${optimizer}`);
  }
}

function scheduleOf({ schedule, lr, steps, args }: Attributes): { lr: Schedule; momentum?: Schedule } {
  switch (schedule) {
    case "step":
      return { lr: schedules.stepDecay(lr, { every: args.step_size, factor: args.gamma }) };
    case "multistep":
      return { lr: schedules.multiStepDecay(lr, { milestones: args.milestones, factor: args.gamma }) };
    case "exponential":
      return { lr: schedules.exponentialDecay(lr, { factor: args.gamma }) };
    case "cosine":
      return { lr: schedules.cosine(lr, { steps: args.T_max, minLr: args.eta_min }) };
    case "linear":
      return {
        lr: schedules.linear(lr, {
          steps: args.total_iters,
          startFactor: args.start_factor,
          endFactor: args.end_factor,
        }),
      };
    case "linear_warmup_cosine": {
      const then = schedules.cosine(lr, { steps: steps - args.warmup, minLr: args.eta_min });
      return { lr: schedules.warmup(then, { steps: args.warmup, startFactor: args.start_factor }) };
    }
    case "one_cycle":
      return schedules.oneCycle(args.max_lr, {
        steps: args.total_steps,
        warmupFraction: args.pct_start,
        startDivisor: args.div_factor,
        endDivisor: args.final_div_factor,
        baseMomentum: args.base_momentum,
        maxMomentum: args.max_momentum,
        threePhase: args.three_phase ?? false,
        anneal: args.anneal_strategy === "cos" ? "cosine" : "linear",
      });
    case "cosine_restarts":
      return { lr: schedules.cosineRestarts(lr, { steps: args.T_0, factor: args.T_mult, minLr: args.eta_min }) };
    case "polynomial":
      return { lr: schedules.polynomial(lr, { steps: args.total_iters, power: args.power }) };
    default:
      throw new Error(`no schedule called ${schedule}`);
  }
}

const run: Readonly<Record<string, GoldenRun>> = {
  optimizer: ({ attrs, input }) => {
    const [X, Y, W, b] = ["X", "Y", "W", "b"].map(input);
    W.requiresGrad = true;
    b.requiresGrad = true;
    const optimizer = optimizerOf([W, b], attrs);
    const steps: number = attrs["steps"];
    const loss: number[] = [];
    const Ws: number[] = [];
    const bs: number[] = [];
    for (let t = 0; t < steps; t++) {
      const { value, grads } = valueAndGrad(() => mseLoss(add(matmul(X, W), b), Y));
      optimizer.step(grads);
      loss.push(value.item());
      Ws.push(...W.data);
      bs.push(...b.data);
    }
    return {
      outputs: {
        loss: { data: loss, shape: [steps] },
        W: { data: Ws, shape: [steps, ...W.shape] },
        b: { data: bs, shape: [steps, ...b.shape] },
      },
    };
  },
  lr_schedule: ({ attrs }) => {
    const { lr, momentum } = scheduleOf(attrs);
    const steps = Array.from({ length: attrs["steps"] }, (_, step) => step);
    const values = (at: Schedule): { data: number[]; shape: number[] } => ({
      data: steps.map(at),
      shape: [steps.length],
    });
    return { outputs: { lr: values(lr), ...(momentum ? { momentum: values(momentum) } : {}) } };
  },
  plateau: ({ attrs: { lr, metrics, args } }) => {
    const { threshold_mode, min_lr, ...rest } = args;
    const schedule = schedules.plateau(lr, {
      ...rest,
      thresholdMode: threshold_mode,
      minLr: min_lr,
    });
    const rates = metrics.map((metric: number | null) => {
      schedule.step(metric ?? Number.NaN);
      return schedule.lr();
    });
    return { outputs: { lr: { data: rates, shape: [rates.length] } } };
  },
};

goldenFamily("optimizers", { run });
goldenFamily("optimizers-more/optimizers_more", { run });
