// A CLIP in the hub's layout, small enough to write in each test: four words, and towers of two nodes.
//   text_embeds  [B, 4] = mean over L of table[input_ids]        image_embeds [B, 3] = mean over H, W of pixel_values
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Model, Node } from '../../engine/onnx/graph.ts';
import { tensor } from '../../engine/onnx/tensor.ts';
import { writeModel } from '../../engine/onnx/write.ts';

const words = ['a</w>', 'red</w>', 'blue</w>', 'cat</w>'];
const start = words.length;

/** Row i of the embedding table. */
export const tableRow = (id: number): number[] => [1, id, id * id, -id];

/** Path in the folder → bytes. */
export function tinyClipFiles(): Map<string, Buffer> {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  return new Map([
    ['config.json', json({ model_type: 'clip', projection_dim: 4, text_config: { max_position_embeddings: 8 } })],
    ['tokenizer.json', json(tokenizerJson())],
    ['tokenizer_config.json', json({ eos_token: '<end>', pad_token: '<end>', model_max_length: 8 })],
    ['preprocessor_config.json', json(preprocessorJson)],
    ['onnx/text_model.onnx', Buffer.from(writeModel(textModel()))],
    ['onnx/vision_model.onnx', Buffer.from(writeModel(visionModel()))],
  ]);
}

/** Writes the folder. */
export function writeTinyClip(dir: string, leaveOut: readonly string[] = []): string {
  for (const [path, bytes] of tinyClipFiles()) {
    if (leaveOut.includes(path)) continue;
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  return dir;
}

function tokenizerJson() {
  const special = ['<start>', '<end>'].map((content, i) => ({
    id: start + i,
    content,
    special: true,
    normalized: false,
  }));
  return {
    version: '1.0',
    added_tokens: special.map((t) => ({ ...t, single_word: false, lstrip: false, rstrip: false })),
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '<start>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '<end>', type_id: 0 } },
      ],
      pair: [],
      special_tokens: Object.fromEntries(
        special.map((t) => [t.content, { id: t.content, ids: [t.id], tokens: [t.content] }]),
      ),
    },
    decoder: { type: 'BPEDecoder', suffix: '</w>' },
    model: {
      type: 'BPE',
      end_of_word_suffix: '</w>',
      unk_token: '<end>',
      vocab: Object.fromEntries([...words, '<start>', '<end>', ...pieces].map((piece, id) => [piece, id])),
      merges: ['r e', 're d</w>', 'b l', 'u e</w>', 'bl ue</w>', 'c a', 'ca t</w>'],
    },
  };
}

const pieces = ['r', 'e', 'd</w>', 're', 'b', 'l', 'u', 'e</w>', 'bl', 'ue</w>', 'c', 'a', 'ca', 't</w>', '.</w>'];

const preprocessorJson = {
  image_processor_type: 'CLIPImageProcessor',
  do_resize: true,
  size: { shortest_edge: 4 },
  resample: 3,
  do_center_crop: true,
  crop_size: { height: 4, width: 4 },
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.25, 0.25, 0.25],
};

const node = (op: string, inputs: string[], output: string, ints: Record<string, number | number[]> = {}): Node => ({
  op,
  domain: '',
  name: op,
  inputs,
  outputs: [output],
  attributes: new Map(
    Object.entries(ints).map(([name, value]) => [
      name,
      Array.isArray(value) ? { kind: 'ints' as const, value } : { kind: 'int' as const, value },
    ]),
  ),
});

const model = (parts: Pick<Model, 'inputs' | 'outputs' | 'constants' | 'nodes'>): Model => ({
  source: 'tiny-clip',
  irVersion: 8,
  opsets: new Map([['', 17]]),
  functions: [],
  ...parts,
});

function textModel(): Model {
  const rows = words.length + 2 + pieces.length;
  const table = Array.from({ length: rows }, (_, id) => tableRow(id)).flat();
  return model({
    inputs: [{ name: 'input_ids', type: 'int64', dims: ['batch', 'sequence'] }],
    outputs: [{ name: 'text_embeds', type: 'float32', dims: ['batch', 4] }],
    constants: new Map([['table', tensor('float32', [rows, 4], table)]]),
    nodes: [
      node('Gather', ['table', 'input_ids'], 'h', { axis: 0 }),
      node('ReduceMean', ['h'], 'text_embeds', { axes: [1], keepdims: 0 }),
    ],
  });
}

function visionModel(): Model {
  return model({
    inputs: [{ name: 'pixel_values', type: 'float32', dims: ['batch', 3, 'height', 'width'] }],
    outputs: [{ name: 'image_embeds', type: 'float32', dims: ['batch', 3] }],
    constants: new Map(),
    nodes: [node('ReduceMean', ['pixel_values'], 'image_embeds', { axes: [2, 3], keepdims: 0 })],
  });
}
