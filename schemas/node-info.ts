// One node class as GET /object_info describes it (ComfyUI's keys).
import { z } from 'zod';

/** `[type, options?]`; a legacy combo has its choices in place of the type. */
export const inputInfo = z.union([
  z.tuple([z.union([z.string(), z.array(z.union([z.string(), z.number()]))])]),
  z.tuple([z.union([z.string(), z.array(z.union([z.string(), z.number()]))]), z.record(z.string(), z.unknown())]),
]);

export const nodeInfo = z
  .object({
    input: z.object({
      required: z.record(z.string(), inputInfo),
      optional: z.record(z.string(), inputInfo).optional(),
      hidden: z.record(z.string(), z.union([z.string(), inputInfo])).optional(),
    }),
    input_order: z.record(z.string(), z.array(z.string())),
    is_input_list: z.boolean(),
    output: z.array(z.string()),
    output_is_list: z.array(z.boolean()),
    output_name: z.array(z.string()),
    output_tooltips: z.array(z.string()).optional(),
    name: z.string(),
    display_name: z.string(),
    description: z.string(),
    category: z.string(),
    python_module: z.string(),
    output_node: z.boolean(),
    has_intermediate_output: z.boolean(),
    deprecated: z.boolean().optional(),
    experimental: z.boolean().optional(),
    search_aliases: z.array(z.string()).optional(),
  })
  .meta({ title: 'A node class in object_info' });

export type InputInfo = z.infer<typeof inputInfo>;
export type NodeInfo = z.infer<typeof nodeInfo>;
