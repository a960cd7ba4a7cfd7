// The prompt graph in API format, as clients send it to POST /prompt (ComfyUI's names).
import { z } from 'zod';

/** A node of the graph. `inputs`: literals, links `[node id, output index]`, or `{ __value__: [...] }` for a literal list. */
export const apiNode = z.looseObject({
  class_type: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  _meta: z.looseObject({ title: z.string().optional() }).optional(),
});

/** Node id → node. Ids are strings, `12:7` inside sub-graphs. */
export const apiGraph = z.record(z.string(), apiNode).meta({ title: 'A prompt graph in API format' });

export type ApiNode = z.infer<typeof apiNode>;
export type ApiGraph = Record<string, ApiNode>;

/** A link to output `slot` of node `id`. */
export type Link = readonly [id: string, slot: number];

/** The body of POST /prompt. */
export const promptRequest = z
  .looseObject({
    prompt: apiGraph,
    client_id: z.string().optional(),
    prompt_id: z.string().nullable().optional(),
    extra_data: z.looseObject({}).optional(),
    front: z.boolean().optional(),
    number: z.number().optional(),
    partial_execution_targets: z.array(z.string()).nullable().optional(),
  })
  .meta({ title: 'Body of POST /prompt' });

export type PromptRequest = z.infer<typeof promptRequest>;
