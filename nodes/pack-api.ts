// What a pack's module is called with: the words that declare nodes. Handed over rather than imported, so that packs
// need no dependency, work from any folder, and their Blocker and NodeResult are the ones that the executor knows.
import {
  Blocker,
  boolean,
  combo,
  defineNode,
  float,
  int,
  list,
  NodeResult,
  optional,
  port,
  string,
} from './define-node.ts';
import { GraphBuilder } from './graph-builder.ts';

/** The argument of a pack module's default export; see docs/packs.md. */
export const packApi = Object.freeze({
  defineNode,
  string,
  int,
  float,
  boolean,
  combo,
  port,
  optional,
  list,
  Blocker,
  NodeResult,
  GraphBuilder,
});

export type PackApi = typeof packApi;
export type { NodeDefinition } from './define-node.ts';
export type { NodeContext } from './node-context.ts';
export type { ImageBatch, Mask, PezPrompt } from './values.ts';
