// A graph as the front end saves it (UI format): versions 0.4 and 1. Graphs of other programs have more keys.
import { z } from 'zod';

const nodeId = z.union([z.number().int(), z.string()]);
/** `[x, y]`; some versions save `{ 0: x, 1: y }`. */
const vector = z.union([z.tuple([z.number(), z.number()]), z.looseObject({ 0: z.number(), 1: z.number() })]);
const slotType = z.union([z.string(), z.number(), z.array(z.string()), z.null()]);

export const uiInput = z.looseObject({
  name: z.string(),
  type: slotType,
  link: z.number().int().nullish(),
  /** The socket of a widget that was converted to an input. */
  widget: z.looseObject({ name: z.string() }).optional(),
});

export const uiOutput = z.looseObject({
  name: z.string(),
  type: slotType,
  links: z.array(z.number().int()).nullish(),
  slot_index: z.number().int().optional(),
});

export const uiNode = z.looseObject({
  id: nodeId,
  /** Class name, or the id of a subgraph. */
  type: z.string(),
  title: z.string().optional(),
  pos: vector,
  size: vector,
  flags: z.looseObject({}).optional(),
  order: z.number().optional(),
  /** 0 runs, 2 is muted, 4 is bypassed. */
  mode: z.number().optional(),
  inputs: z.array(uiInput).optional(),
  outputs: z.array(uiOutput).optional(),
  properties: z.looseObject({}).optional(),
  /** In widget order, with one more entry after control_after_generate and image_upload (protocol: Saved graphs). */
  widgets_values: z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]).nullish(),
});

/** `[id, origin node, origin slot, target node, target slot, type]`. */
export const uiLink = z.tuple([z.number().int(), nodeId, z.number().int(), nodeId, z.number().int(), slotType]);

export const uiGroup = z.looseObject({
  title: z.string(),
  bounding: z.tuple([z.number(), z.number(), z.number(), z.number()]),
});

const shared = {
  id: z.string().optional(),
  revision: z.number().int().optional(),
  nodes: z.array(uiNode),
  groups: z.array(uiGroup).optional(),
  config: z.looseObject({}).nullish(),
  extra: z.looseObject({}).nullish(),
  definitions: z.looseObject({ subgraphs: z.array(z.looseObject({ id: z.string() })).optional() }).optional(),
};

export const uiGraph04 = z.looseObject({
  ...shared,
  version: z.literal(0.4),
  last_node_id: nodeId,
  last_link_id: z.number().int(),
  links: z.array(uiLink),
});

export const uiGraph1 = z.looseObject({
  ...shared,
  version: z.literal(1),
  state: z.looseObject({ lastNodeId: nodeId, lastLinkId: z.number().int() }),
  links: z
    .array(
      z.looseObject({
        id: z.number().int(),
        origin_id: nodeId,
        origin_slot: z.number().int(),
        target_id: nodeId,
        target_slot: z.number().int(),
        type: slotType,
      }),
    )
    .optional(),
});

export const uiGraph = z
  .discriminatedUnion('version', [uiGraph04, uiGraph1])
  .meta({ title: 'A graph in UI format (a template, a saved workflow)' });

export type UiGraph04 = z.infer<typeof uiGraph04>;
export type UiNode = z.infer<typeof uiNode>;
export type UiLink = z.infer<typeof uiLink>;
