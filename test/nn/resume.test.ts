/** fit({ resume }): a training that goes on from a checkpoint computes the bits of one that never stopped. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  Adam,
  AdamW,
  add,
  type Batch,
  batches,
  buffer,
  type Checkpoint,
  cifarResNet,
  crossEntropy,
  type Dataset,
  Dropout,
  type FitOptions,
  Flatten,
  fit,
  full,
  type History,
  Linear,
  Module,
  mul,
  type Optimizer,
  type ParameterGroup,
  ReLU,
  RMSprop,
  Rng,
  randn,
  readCheckpoint,
  reshape,
  Sequential,
  SGD,
  schedules,
  sum,
  type Tensor,
  tensor,
  useKernels,
  ValueError,
  writeCheckpoint,
  writeSafetensors,
} from "../../src/index.ts";

const images = randn([22, 3, 8, 8], new Rng(1));
const noise: Dataset = {
  name: "noise",
  images: Float32Array.from(images.data),
  labels: Uint8Array.from({ length: 22 }, (_, i) => i % 4),
  shape: [22, 3, 8, 8],
  classes: ["a", "b", "c", "d"],
};

/** Adds noise from generators that are in containers. */
class Noisy extends Module {
  readonly linear = new Linear(192, 4, { rng: new Rng(1) });
  readonly noise = { list: [new Rng(2)], map: new Map([["second", new Rng(3)]]) };

  forward(x: Tensor): Tensor {
    const { list, map } = this.noise;
    return this.linear.forward(add(reshape(x, [4, 192]), list[0].normal() + map.get("second")!.normal()));
  }
}

/** Both tiers: the state must hold for either. */
describe.each(["simd", "plain"] as const)("%s", (tier) => {
  beforeEach(() => {
    useKernels(tier);
  });
  afterEach(() => {
    useKernels("auto");
  });

  /** A training from scratch, as a program makes it each time it starts. */
  interface Training {
    readonly model: Module;
    readonly optimizer: Optimizer;
    readonly options: Omit<FitOptions<Tensor, Tensor>, "optimizer" | "epochs" | "steps">;
  }

  const fixed = (): Batch[] =>
    Array.from({ length: 3 }, (_, i) => ({ x: randn([4, 3, 8, 8], new Rng(100 + i)), labels: [0, 1, 2, 3] }));

  /** Flips an image at random: draws of the loader's generator. */
  const flip = (image: Float32Array, _: readonly number[], rng: Rng): Float32Array =>
    rng.uniform() < 0.5 ? image.reverse() : image;

  const mlp = (rng: Rng): Module =>
    new Sequential(
      new Flatten(),
      new Linear(192, 8, { rng }),
      new ReLU(),
      new Dropout(0.3, { rng }),
      new Linear(8, 4, { rng }),
    );

  const trainings: Readonly<Record<string, () => Training>> = {
    "SGD with momentum, cosine, a residual network": () => {
      const model = cifarResNet(8, { width: 4, classes: 4, rng: new Rng(0) });
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 1e-4 });
      return { model, optimizer, options: { data: fixed, schedule: schedules.cosine(0.1, { steps: 12 }) } };
    },
    "Adam, a shuffling loader, dropout on the loader's generator": () => {
      const rng = new Rng(3);
      const model = mlp(rng);
      const data = (): Iterable<Batch> => batches(noise, { batchSize: 4, rng, augment: flip });
      return { model, optimizer: new Adam(model.parameters(), { lr: 0.01 }), options: { data } };
    },
    "AdamW with groups, stochastic depth, one cycle, accumulation, clipping": () => {
      const rng = new Rng(4);
      const model = cifarResNet(8, { width: 4, classes: 4, stochasticDepth: 0.6, rng });
      const [first, ...rest] = model.parameters();
      const optimizer = new AdamW([{ parameters: [first], lr: 0.001 }, { parameters: rest }], { lr: 0.01 });
      const data = (): Iterable<Batch> => batches(noise, { batchSize: 3, rng: rng.fork("data") });
      const schedule = schedules.oneCycle(0.01, { steps: 12 });
      return { model, optimizer, options: { data, schedule, accumulate: 2, clipNorm: 1, generators: { rng } } };
    },
    "RMSprop, centred in one group, with momentum in the other; a plateau told before each checkpoint": () => {
      const model = cifarResNet(8, { width: 4, classes: 4, rng: new Rng(0) });
      const [first, ...rest] = model.parameters();
      const groups = [
        { parameters: [first], centered: true, eps: 0.1 },
        { parameters: rest, momentum: 0.9 },
      ];
      const schedule = schedules.plateau(0.002, { patience: 0, factor: 0.5, threshold: 0.5 });
      const onEpoch = ({ loss }: { loss: number }): void => schedule.step(loss);
      return { model, optimizer: new RMSprop(groups), options: { data: fixed, schedule, onEpoch } };
    },
    "AMSGrad, maximized in one group": () => {
      const model = mlp(new Rng(1));
      const [first, ...rest] = model.parameters();
      const groups = [{ parameters: [first], maximize: true }, { parameters: rest }];
      return { model, optimizer: new Adam(groups, { lr: 0.01, amsgrad: true }), options: { data: fixed } };
    },
    "a generator of one's own, a loss with a parameter": () => {
      const rng = new Rng(5);
      const noise = new Rng(6);
      const model = mlp(rng);
      const scale = tensor([1, 2]);
      scale.requiresGrad = true;
      const optimizer = new SGD([...model.parameters(), scale], { lr: 0.05, momentum: 0.5 });
      const data = (): Batch[] => fixed().map(({ x, labels }) => ({ x: add(x, noise.normal()), labels }));
      const loss = (y: Tensor, labels: never): Tensor => mul(crossEntropy(y, labels), sum(mul(scale, scale)));
      return { model, optimizer, options: { data, loss, generators: { noise } } as never };
    },
    "data that draw after their last batch, accumulated with a remainder, skipped batches, labels of any form": () => {
      const noise = new Rng(6);
      const model = mlp(new Rng(5));
      function* data(): Generator<Batch<Tensor, unknown>> {
        for (const { x, labels } of [...fixed(), { ...fixed()[0], x: full([4, 3, 8, 8], Number.NaN) }, ...fixed()]) {
          yield { x: add(x, noise.normal()), labels: { classes: labels, others: [noise.normal(), x] } };
          noise.normal();
        }
      }
      const loss = (y: Tensor, { classes }: { classes: number[] }): Tensor => crossEntropy(y, classes);
      const options = { data, loss, accumulate: 2, badBatches: "skip", generators: { noise } };
      return { model, optimizer: new SGD(model.parameters(), { lr: 0.05 }), options: options as never };
    },
    "generators in a module's lists and Maps": () => {
      const model = new Noisy();
      return { model, optimizer: new Adam(model.parameters(), { lr: 0.01 }), options: { data: fixed } };
    },
  };

  const bits = ({ model, optimizer }: Training): number[][] =>
    [...Object.values(model.stateDict()), ...optimizer.parameters].map((t) => [...t.data]);
  const losses = ({ steps, epochs }: History): unknown => ({
    steps: steps.map(({ step, epoch, loss, lr, gradNorm }) => [step, epoch, loss, lr, gradNorm]),
    epochs: epochs.map(({ epoch, steps, loss }) => [epoch, steps, loss]),
  });
  const STEPS = 8;

  describe.each(Object.entries(trainings))("%s", (_, make) => {
    it("after every step: the same losses, rates, means, weights", async () => {
      const whole = make();
      const saved: Uint8Array[] = [];
      const history = await fit(whole.model, {
        ...whole.options,
        optimizer: whole.optimizer,
        steps: STEPS,
        onStep: ({ checkpoint }) => {
          saved.push(writeCheckpoint(checkpoint()));
        },
      });
      expect(saved).toHaveLength(STEPS);
      for (let k = 1; k < STEPS; k++) {
        const part = make();
        const rest = await fit(part.model, {
          ...part.options,
          optimizer: part.optimizer,
          steps: STEPS,
          resume: readCheckpoint(saved[k - 1]),
        });
        expect(losses(rest)).toEqual(
          losses({
            ...history,
            steps: history.steps.slice(k),
            // The epoch of which step k is the last was told after it.
            epochs: history.epochs.filter(({ steps }) => steps >= k),
          }),
        );
        expect(bits(part)).toEqual(bits(whole));
      }
    });

    it("after every epoch, and again from there", async () => {
      const whole = make();
      const saved: Checkpoint[] = [];
      await fit(whole.model, {
        ...whole.options,
        optimizer: whole.optimizer,
        epochs: 3,
        onEpoch: (info) => {
          whole.options.onEpoch?.(info);
          saved.push(info.checkpoint());
        },
      });
      let checkpoint = saved[0];
      for (let epoch = 1; epoch < 3; epoch++) {
        const part = make();
        const told: number[] = [];
        const { steps } = await fit(part.model, {
          ...part.options,
          optimizer: part.optimizer,
          epochs: epoch + 1,
          resume: checkpoint,
          onEpoch: (info) => {
            told.push(info.epoch);
            part.options.onEpoch?.(info);
            checkpoint = info.checkpoint();
          },
        });
        expect(told).toEqual([epoch]);
        expect(new Set(steps.map((step) => step.epoch))).toEqual(new Set([epoch]));
        if (epoch === 2) expect(bits(part)).toEqual(bits(whole));
      }
    });
  });
});

describe("a training that is stopped in an epoch", () => {
  /** Each epoch's mean goes to the plateau, which draws too; the last checkpoint is the one of onEpoch. */
  const train = async (stopAt: number, how: "false" | "steps", resume: Checkpoint | null) => {
    const model = cifarResNet(8, { width: 4, classes: 4, rng: new Rng(0) });
    const schedule = schedules.plateau(0.1, { patience: 0, factor: 0.5, threshold: 0.9 });
    const data = new Rng(3);
    let last: Checkpoint | null = null;
    const history = await fit(model, {
      data: () => Array.from({ length: 3 }, () => ({ x: randn([4, 3, 8, 8], data), labels: [0, 1, 2, 3] })),
      optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
      schedule,
      generators: { data },
      steps: how === "steps" ? stopAt : 9,
      resume,
      onStep: ({ step }) => how === "steps" || step + 1 < stopAt,
      onEpoch: ({ loss, checkpoint }) => {
        schedule.step(loss + data.uniform());
        last = checkpoint();
      },
    });
    return { rows: history.steps.map(({ loss, lr }) => [loss, lr]), last: last as Checkpoint | null };
  };

  it.each(["false", "steps"] as const)(
    "by %s: what onEpoch did then, and does again at the epoch's end, does not count",
    async (how) => {
      const whole = await train(9, how, null);
      for (const stopAt of [1, 3, 5]) {
        const first = await train(stopAt, how, null);
        const { rows } = await train(9, how, first.last);
        expect([...first.rows, ...rows]).toEqual(whole.rows);
      }
    },
  );
});

describe("what the issue measured", () => {
  it("three steps and three more are six: 1.7911 1.6882 1.6827 …", async () => {
    const run = async (
      steps: number,
      resume: Checkpoint | null,
    ): Promise<{ losses: number[]; checkpoint: Checkpoint }> => {
      const model = cifarResNet(8, { width: 4, rng: new Rng(0) });
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      let checkpoint: Checkpoint | undefined;
      const history = await fit(model, {
        data: () =>
          Array.from({ length: 6 }, (_, i) => ({ x: randn([4, 3, 32, 32], new Rng(100 + i)), labels: [0, 1, 2, 3] })),
        optimizer,
        schedule: schedules.cosine(0.1, { steps: 6 }),
        steps,
        resume,
        onStep: (info) => {
          checkpoint = info.checkpoint();
        },
      });
      return { losses: history.steps.map(({ loss }) => loss), checkpoint: checkpoint! };
    };
    const whole = await run(6, null);
    const first = await run(3, null);
    const second = await run(6, first.checkpoint);
    expect([...first.losses, ...second.losses]).toEqual(whole.losses);
  });
});

describe("a checkpoint that does not fit", () => {
  const made = async (change: Partial<FitOptions> = {}, model: Module = cifar()): Promise<Checkpoint> => {
    let checkpoint: Checkpoint | undefined;
    await fit(model, {
      data,
      optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
      steps: 2,
      onStep: (info) => {
        checkpoint = info.checkpoint();
      },
      ...change,
    });
    return checkpoint!;
  };
  const cifar = (): Module => cifarResNet(8, { width: 4, classes: 4, rng: new Rng(0) });
  const data = (): Batch[] =>
    Array.from({ length: 3 }, (_, i) => ({ x: randn([4, 3, 8, 8], new Rng(i)), labels: [0, 1, 2, 3] }));
  const resume = async (checkpoint: unknown, change: object = {}, model = cifar()): Promise<unknown> =>
    await fit(model, {
      data,
      optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
      steps: 3,
      resume: checkpoint as Checkpoint,
      ...change,
    });

  it("of another model, another optimiser, other data: an error, and nothing has changed", async () => {
    const checkpoint = await made();
    const wider = cifarResNet(8, { width: 8, classes: 4, rng: new Rng(0) });
    const before = [...wider.parameters()[0].data];
    await expect(resume(checkpoint, {}, wider)).rejects.toThrow(
      /SGD: this is not the state of an SGD of these parameters: "0\./,
    );
    expect([...wider.parameters()[0].data]).toEqual(before);
    const model = cifar();
    await expect(resume(checkpoint, { optimizer: new Adam(model.parameters()) }, model)).rejects.toThrow(
      /not the state of an Adam of these parameters: it has "0\.momentum_buffer"/,
    );
    const other = (): Batch[] => data().map(({ x, labels }) => ({ x: mul(x, 2), labels }));
    await expect(resume(checkpoint, { data: other })).rejects.toThrow(
      /epoch 0 has another batch 1: data must give the same/,
    );
    const swapped = (): Batch[] => data().map(({ x }) => ({ x, labels: [3, 2, 1, 0] }));
    await expect(resume(checkpoint, { data: swapped })).rejects.toThrow(/has another batch 1/);
    await expect(resume(checkpoint, { data: () => data().slice(0, 1) })).rejects.toThrow(
      /had 2 batches or more, now it has 1/,
    );
  });

  it("of a model, a module or a schedule that does not fit where the rest does: nothing is half restored", async () => {
    class Named extends Module {
      readonly scale = tensor([1], { requiresGrad: true });
      forward = (x: Tensor): Tensor => x;
    }
    const train = (name: "one" | "other", change: Partial<FitOptions> = {}) => {
      const model = new Sequential(
        new Flatten(),
        name === "one" ? new Linear(192, 4, { rng: new Rng(0) }) : new Tail(),
      );
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const schedule = schedules.plateau(0.1);
      schedule.step(name === "one" ? 3 : 5);
      const beside = new Named();
      const state = (): unknown => [
        optimizer.stateDict(),
        schedule.stateDict(),
        ...[model, beside].map((module) => Object.values(module.stateDict()).map((t) => [...t.data])),
      ];
      return { model, state, options: { optimizer, schedule, data, modules: { beside }, ...change }, beside };
    };
    class Tail extends Module {
      readonly tail = new Linear(192, 4, { rng: new Rng(1) });
      forward = (x: Tensor): Tensor => this.tail.forward(x);
    }
    const first = train("one");
    first.beside.scale.data[0] = 7;
    const checkpoint = await made(first.options, first.model);
    const none = {
      stateDict: () => ({}),
      loadStateDict: () => {
        throw new ValueError("no such state");
      },
    };
    for (const [other, message] of [
      [train("other"), /the state does not fit this Sequential/],
      [train("one", { modules: { another: new Named() } }), /the state does not fit this fit: modules/],
      [train("one", { schedule: { lr: () => 0.1, ...none } }), /no such state/],
    ] as const) {
      const before = other.state();
      await expect(resume(checkpoint, other.options, other.model)).rejects.toThrow(message);
      expect(other.state()).toEqual(before);
    }
  });

  it("an epoch that has grown since", async () => {
    let checkpoint: Checkpoint | undefined;
    await made({
      steps: 9,
      epochs: 1,
      onEpoch: (info) => {
        checkpoint = info.checkpoint();
      },
    });
    await expect(resume(checkpoint, { steps: 9, data: () => [...data(), ...data()] })).rejects.toThrow(
      /had 3 batches, now it has more/,
    );
  });

  it("no checkpoint, one of a later version, one without a generator's state", async () => {
    await expect(resume({})).rejects.toThrow(/resume must be a checkpoint, .* got/);
    await expect(resume("run.safetensors")).rejects.toThrow(/resume must be a checkpoint/);
    const checkpoint = await made();
    const later = { ...checkpoint, metadata: { ...checkpoint.metadata, format: "skipstone checkpoint 2" } };
    await expect(resume(later)).rejects.toThrow(
      /format "skipstone checkpoint 2", this version reads "skipstone checkpoint 1"/,
    );
    await expect(resume(checkpoint, { generators: { mixup: new Rng(0) } })).rejects.toThrow(
      /no state for the generator mixup/,
    );
    await expect(resume(null, { generators: { mixup: 3 } })).rejects.toThrow(/generators must be .*, mixup is 3/);
    await expect(resume(null, { generators: { "[data]": new Rng(0) } })).rejects.toThrow(/cannot be called/);
    expect(() => readCheckpoint(new Uint8Array(3))).toThrow(/truncated/);
    expect(() => readCheckpoint(writeSafetensors({ w: tensor([1]) }))).toThrow(
      /a safetensors file, but not a checkpoint/,
    );
  });

  it("a loader whose generator comes from one that the checkpoint does not have: an error, at the latest in the next epoch", async () => {
    const forking = (): Partial<FitOptions> => {
      const origin = new Rng(7);
      return { data: () => batches(noise, { batchSize: 4, rng: origin.fork("data") }) };
    };
    const counting = (): Partial<FitOptions> => ({
      data: (epoch) => batches(noise, { batchSize: 4, rng: new Rng(epoch) }),
    });
    const steps = 14;
    for (const saveAt of [3, 8]) {
      for (const source of [forking, counting]) {
        const saved: Checkpoint[] = [];
        const whole = cifar();
        await made({ ...source(), steps, onStep: (info) => void saved.push(info.checkpoint()) }, whole);
        const part = cifar();
        const again = resume(saved[saveAt], { ...source(), steps }, part);
        // In the first epoch the generator is the first one that is forked, in any case.
        if (source === forking && saveAt === 8)
          await expect(again).rejects.toThrow(/put the generator .* into generators/);
        else {
          await again;
          expect([...part.parameters()[0].data]).toEqual([...whole.parameters()[0].data]);
        }
      }
    }
    // One generator that is in another state, as that of a program which did not draw its weights again: it is put right.
    const used = new Rng(7);
    const data = (): Partial<FitOptions> => ({ data: () => batches(noise, { batchSize: 4, rng: used }) });
    const saved: Checkpoint[] = [];
    const whole = cifar();
    await made({ ...data(), steps, onStep: (info) => void saved.push(info.checkpoint()) }, whole);
    const part = cifar();
    await resume(saved[8], { ...data(), steps }, part);
    expect([...part.parameters()[0].data]).toEqual([...whole.parameters()[0].data]);
  });

  it("a damaged one says what is wrong, before anything is changed", async () => {
    const checkpoint = await made();
    const { training } = checkpoint.metadata;
    const damage: readonly [change: (saved: Record<string, unknown>) => void, error: RegExp][] = [
      [(saved) => (saved["batch"] = -3), /the checkpoint is damaged: its batch is -3/],
      [(saved) => (saved["step"] = 1e300), /its step is 1e\+300/],
      [(saved) => (saved["epochDone"] = "no"), /its epochDone is/],
      [(saved) => delete saved["means"], /its means is undefined/],
      [(saved) => (saved["means"] = { loss: 3, metrics: {} }), /its means is/],
      [(saved) => (saved["optimizer"] = { lr: "fast" }), /its optimizer is/],
      [
        (saved) => (saved["generators"] = { start: {}, isNew: false, now: { a: { state: [1, 2], spare: null } } }),
        /its generators is/,
      ],
    ];
    const model = cifar();
    const before = [...model.parameters()[0].data];
    const attempt = async (text: string): Promise<unknown> =>
      await resume({ ...checkpoint, metadata: { ...checkpoint.metadata, training: text } }, {}, model);
    for (const [change, error] of damage) {
      const saved = JSON.parse(training) as Record<string, unknown>;
      change(saved);
      await expect(attempt(JSON.stringify(saved))).rejects.toThrow(error);
    }
    await expect(attempt(training.slice(0, 40))).rejects.toThrow(/the checkpoint is damaged: .*JSON/);
    await expect(attempt("null")).rejects.toThrow(/its step is undefined/);
    expect([...model.parameters()[0].data]).toEqual(before);
  });

  it("a generator that has a state and is not given again: an error, before anything is changed", async () => {
    const checkpoint = await made({ generators: { mixup: new Rng(0) } });
    const model = cifar();
    const before = [...model.parameters()[0].data];
    await expect(resume(checkpoint, {}, model)).rejects.toThrow(
      /a state for the generator mixup, and this training has no such generator: put it into generators/,
    );
    expect([...model.parameters()[0].data]).toEqual(before);
  });

  it("asked for after its callback, while a batch is half done: an error", async () => {
    let late: (() => Checkpoint) | undefined;
    const data = function* (): Generator<Batch> {
      for (let i = 0; i < 2; i++) {
        yield { x: randn([4, 3, 8, 8], new Rng(i)), labels: [0, 1, 2, 3] };
        expect(() => late!()).toThrow(/checkpoint\(\) must be called before the callback that it was given to ends/);
      }
    };
    const onStep: FitOptions["onStep"] = ({ checkpoint }) => {
      late = checkpoint;
    };
    await made({ data, steps: 2, onStep });
    expect(() => late!()).toThrow(/must be called before/);
  });

  it("frozen parameters and parts in evaluation that differ: it goes on, and says so", async () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const model = cifarResNet(8, { width: 4, classes: 4, rng: new Rng(0) });
    model.bn1!.eval();
    model.fc.weight.requiresGrad = false;
    const checkpoint = await made({}, model);
    await resume(checkpoint);
    expect(warned.mock.calls).toEqual([
      [
        expect.stringMatching(
          /differ in which parameters are frozen \(fc\.weight\) and which parts are in evaluation \(bn1\)/,
        ),
      ],
    ]);
    warned.mockClear();
    // A callback may have put the whole model into evaluation: that says nothing.
    const whole = cifar();
    const saved: Checkpoint[] = [];
    const onStep: FitOptions["onStep"] = ({ checkpoint }) => {
      whole.eval();
      saved.push(checkpoint());
      whole.train();
    };
    await made({ onStep }, whole);
    await resume(saved[1]);
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  it("other options of the steps or the optimiser: it goes on, and says so", async () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const model = cifar();
    const decayed = (model: Module): Optimizer =>
      new SGD(model.parameters(), { lr: 0.1, momentum: 0.9, weightDecay: 0.01 });
    const checkpoint = await made({ optimizer: decayed(model), clipNorm: 3 }, model);
    const same = cifar();
    await resume(checkpoint, { optimizer: decayed(same), clipNorm: 3 }, same);
    // The rate and the momentum are the checkpoint's.
    const other = cifar();
    await resume(
      checkpoint,
      { optimizer: new SGD(other.parameters(), { lr: 1, momentum: 0.5, weightDecay: 0.01 }), clipNorm: 3 },
      other,
    );
    expect(warned).not.toHaveBeenCalled();
    await resume(checkpoint, { accumulate: 2 });
    expect(warned.mock.calls).toEqual([
      [
        expect.stringContaining(
          "had other options: accumulate (1 then, 2 now), clipNorm (3 then, none now), weightDecay (0.01 then, 0 now): it goes on differently",
        ),
      ],
    ]);
    // Groups: Adam's state fits AdamW's.
    warned.mockClear();
    const [first, second] = [cifar(), cifar()];
    const halves = ({ fc, ...model }: ReturnType<typeof cifarResNet>, own: object): ParameterGroup<object>[] => [
      { parameters: fc.parameters(), ...own },
      { parameters: [model.conv1.weight] },
    ];
    const groups = (model: Module, own: object): never => halves(model as ReturnType<typeof cifarResNet>, own) as never;
    const adam = await made({ optimizer: new Adam(groups(first, { lr: 0.1 }), { lr: 0.01 }) }, first);
    await resume(adam, { optimizer: new AdamW(groups(second, {}), { lr: 0.01 }) }, second);
    expect(warned.mock.calls[0][0]).toContain(
      "weightDecay of group 0 (0 then, 0.01 now), lr ratio of group 0 (10 then, 1 now), weightDecay of group 1 (0 then, 0.01 now)",
    );
    warned.mockRestore();
  });

  it("nothing left to do: what comes next finds the generators where the training left them", async () => {
    let saved: Checkpoint | undefined;
    const train = async (resume: Checkpoint | null): Promise<number[]> => {
      const [rng, mixup, dropped] = [new Rng(1), new Rng(2), new Rng(3)];
      const model = new Sequential(
        new Flatten(),
        new Linear(192, 4, { rng: new Rng(0) }),
        new Dropout(0.5, { rng: dropped }),
      );
      const onStep: FitOptions["onStep"] = ({ checkpoint }) => {
        mixup.normal();
        saved = checkpoint();
      };
      const data = (): Iterable<Batch> => batches(noise, { batchSize: 4, rng });
      await made({ data, generators: { mixup }, resume, onStep }, model);
      return [rng, mixup, dropped].map((generator) => generator.normal());
    };
    const next = await train(null);
    expect(await train(saved!)).toEqual(next);
  });

  it("an optimiser that does not tell its state trains, and makes no checkpoint", async () => {
    const model = cifar();
    const inner = new SGD(model.parameters(), { lr: 0.1 });
    const own: Optimizer = {
      lr: 0.1,
      momentum: 0,
      parameters: inner.parameters,
      step: (grads) => inner.step(grads),
    };
    await expect(made({ optimizer: own }, model)).rejects.toThrow(/this one has no stateDict/);
    await expect(resume(await made(), { optimizer: own }, model)).rejects.toThrow(
      /needs an optimiser with a loadStateDict/,
    );
  });

  it("other kernels: it goes on, and says that the bits will differ", async () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    useKernels("plain");
    const checkpoint = await made();
    useKernels("simd");
    await resume(checkpoint);
    useKernels("auto");
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/made by plain kernels, and goes on with simd .*the bits will differ/)],
    ]);
    warned.mockRestore();
  });
});

/** A loss with a weight, a running mean of itself, and an error on demand. */
class Centred extends Module<{ output: Tensor; labels: ArrayLike<number> }> {
  readonly temperature = tensor([1], { requiresGrad: true });
  readonly mean = buffer(tensor([0]));
  failsAt = Number.NaN;

  forward({ output, labels }: { output: Tensor; labels: ArrayLike<number> }): Tensor {
    const loss = crossEntropy(mul(output, this.temperature), labels);
    this.mean.assign([0.9 * this.mean.item() + 0.1 * loss.item()]);
    if (this.failsAt-- === 0) throw new Error("the loss fails");
    return mul(loss, 1 + this.mean.item());
  }
}

describe("modules: a loss with a weight and a buffer", () => {
  const train = async (steps: number, resume: Checkpoint | null, named = true, failsAt = Number.NaN) => {
    const rng = new Rng(0);
    const model = new Sequential(new Flatten(), new Linear(192, 4, { rng }));
    const criterion = new Centred();
    criterion.failsAt = failsAt;
    const made: Checkpoint[] = [];
    const training = fit(model, {
      data: () => batches(noise, { batchSize: 4, rng, dropLast: true }),
      optimizer: new SGD([...model.parameters(), ...criterion.parameters()], { lr: 0.1, momentum: 0.9 }),
      loss: (output, labels) => criterion.forward({ output, labels }),
      steps,
      resume,
      ...(named ? { modules: { criterion } } : {}),
      onStep: ({ checkpoint }) => {
        made.push(readCheckpoint(writeCheckpoint(checkpoint())));
      },
    });
    const history = await training.catch((error: Error) => error.message);
    return { history, last: made[made.length - 1], state: { ...model.stateDict(), ...criterion.stateDict() } };
  };

  it("the checkpoint has it: the same bits as without a stop", async () => {
    const whole = await train(8, null);
    const { last } = await train(3, null);
    expect(Object.keys(last.tensors)).toEqual(
      expect.arrayContaining(["module.criterion.temperature", "module.criterion.mean"]),
    );
    expect((await train(8, last)).state).toEqual(whole.state);
  });

  it("another set of modules than when it was made: an error that names the tensors", async () => {
    const { last } = await train(3, null);
    expect((await train(8, last, false)).history).toContain("criterion.mean");
    const { last: without } = await train(3, null, false);
    expect((await train(8, without)).history).toContain("criterion.mean");
  });

  it("a step that fails leaves no trace in its buffers", async () => {
    const [good, failed] = [await train(3, null), await train(8, null, true, 3)];
    expect(failed.history).toBe("the loss fails");
    expect(failed.state).toEqual(good.state);
  });
});
