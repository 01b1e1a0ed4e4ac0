/** Skipstone: everything, re-exported. One entry per layer exists too: `skipstone/tensor`, `skipstone/nn`, … */
export * from "./autograd/index.ts";
export * from "./data/index.ts";
export * from "./flow/index.ts";
export * from "./io/index.ts";
export * from "./nn/index.ts";
export * from "./resnet/index.ts";
export * from "./tensor/index.ts";
