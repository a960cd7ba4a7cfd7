// The prompt graph in API format, and the body of POST /prompt that brings it (ComfyUI's names).
import { z } from 'zod';
import { isRecord } from './record.ts';

/** A node of the graph. `inputs`: literals, links `[node id, output index]`, or `{ __value__: [...] }` for a literal list. */
export const apiNode = z.looseObject({
  class_type: z.string(),
  inputs: z.record(z.string(), z.unknown()),
  _meta: z.looseObject({ title: z.string().optional() }).optional(),
});

/** Node id → node. Ids are strings, `12:7` inside subgraphs. */
export const apiGraph = z.record(z.string(), apiNode).meta({ title: 'A prompt graph in API format' });

export type ApiNode = z.infer<typeof apiNode>;
export type ApiGraph = Record<string, ApiNode>;

/** A link to output `slot` of node `id`. */
export type Link = readonly [id: string, slot: number];

/** Ids appear in lists, URLs and logs. */
export const MAX_ID_LENGTH = 200;

// No control characters, no lone surrogates. Spelled out, because not every JSON Schema validator knows \p{…}.
const ID = new RegExp(`^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]{1,${MAX_ID_LENGTH}}$`, 'u');

/** A number as an id is the text of that number; beyond this it would be too long. */
const MAX_NUMBER_AS_ID = 1e100;

/** A number as text, as Python's float() takes it. The counts of digits keep it below the largest number. */
const NUMERIC = /^\s*[+-]?(?:\d{1,200}(?:\.\d{0,200})?|\.\d{1,200})(?:[eE][+-]?\d{1,2})?\s*$/;

const isStringList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string');

// server/json.ts reads integers beyond 2^53 as bigint. JSON Schema knows one kind of number, and so do these two.
const numberOf = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
const idOf = (value: unknown): unknown =>
  typeof value === 'bigint' && Math.abs(Number(value)) <= MAX_NUMBER_AS_ID ? String(value) : value;

/**
 * The body of POST /prompt. The order of the keys is the order in which problems are reported. Values that may be large
 * (the graph, extra_data, the targets) are checked but not copied: they keep every key, and one mistake is one problem.
 */
export const promptRequest = z
  .object({
    number: z
      .preprocess(
        numberOf,
        z.union([
          z.number().min(-Number.MAX_VALUE).max(Number.MAX_VALUE),
          z.string().regex(NUMERIC).transform(Number),
          z.boolean().transform(Number),
        ]),
      )
      .nullish()
      .describe('Priority: lower numbers run first. Without it, the next number of the counter.'),
    prompt_id: z
      .preprocess(
        idOf,
        z.union([z.string().regex(ID), z.number().min(-MAX_NUMBER_AS_ID).max(MAX_NUMBER_AS_ID).transform(String)]),
      )
      .nullish()
      .describe('An id that was never used. Without it, the server makes a UUID.'),
    extra_data: z
      .custom<Record<string, unknown>>(isRecord)
      .meta({ type: 'object' })
      .nullish()
      .describe('Kept with the prompt. extra_pnginfo is written into saved pictures.'),
    client_id: z.string().nullish().describe('The WebSocket client that hears the events.'),
    partial_execution_targets: z
      .custom<readonly string[]>(isStringList)
      .meta({ type: 'array', items: { type: 'string' } })
      .nullish()
      .describe('Ids of output nodes: only these run, with what they need.'),
    front: z.unknown().optional().describe('Any truthy value: run before everything that waits.'),
    prompt: z
      .custom<object>((value) => value !== undefined && value !== null)
      .meta({
        type: 'object',
        additionalProperties: {
          type: 'object',
          properties: { class_type: { type: 'string' } },
          required: ['class_type'],
        },
        description:
          'Node id → node, which is then validated as a whole; prompt-graph.json describes a graph that can run.',
      }),
  })
  .meta({ title: 'Body of POST /prompt' });
