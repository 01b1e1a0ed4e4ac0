/**
 * Node's file system for the readers and writers of src/io and src/data. This is the one layer that needs Node: an entry of its
 * own (`skipstone/node`), not part of `skipstone`.
 */
export * from "./checkpoints.ts";
export * from "./files.ts";
export * from "./image-folder.ts";
