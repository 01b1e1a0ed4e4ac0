/**
 * Node's file system for the readers and writers of src/io: the one layer that needs Node, an entry of its own
 * (`skipstone/node`), and not part of `skipstone`.
 */
export * from "./checkpoints.ts";
export * from "./files.ts";
