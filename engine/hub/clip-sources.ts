// The forms in which the hub offers CLIPs, and the files that each of them needs.
import { clipLayouts } from './clip-layouts/all.ts';
import type { ClipLayout } from './clip-layouts/layout.ts';
import { type NeededFile, pathsOf, weightsFile } from './needed-files.ts';
import { type Dtype, preferred } from './variant.ts';

export interface ClipSource {
  readonly name: string;
  /** The weights of the text tower: a model that has one of them is offered in this form. */
  readonly weights: (dtype: Dtype | undefined) => NeededFile;
  /** All files, the weights included. */
  readonly files: (dtype: Dtype | undefined) => readonly NeededFile[];
  /** What config.json calls such models; left out where any will do. */
  readonly modelType?: RegExp;
}

function onnx(layout: ClipLayout): ClipSource {
  const weights = (dtype: Dtype | undefined) => weightsFile((d) => layout.towerFile('text', d), dtype);
  return {
    name: layout.name,
    weights,
    files: (dtype) => [
      { path: layout.config },
      { path: layout.tokenizer },
      { path: layout.tokenizerConfig },
      { path: layout.processor, optional: true },
      weights(dtype),
      { ...weightsFile((d) => layout.towerFile('vision', d), dtype), optional: true },
    ],
  };
}

/** tokenizer.json, or the two files of a BPE tokenizer that older models have instead. */
export const tokenizerFiles = (folder = ''): NeededFile[] => [
  { path: `${folder}tokenizer.json`, or: [`${folder}vocab.json`] },
  { path: `${folder}merges.txt`, with: `${folder}vocab.json` },
  { path: `${folder}tokenizer_config.json`, optional: true },
];

/** `stem.safetensors`, whole or in shards. The hub has it in full precision, in half (`stem.fp16.safetensors`), or in both. */
export function safetensorsFile(stem: string, dtype: Dtype | undefined): NeededFile {
  const floats = preferred(dtype).filter((d) => d === 'fp32' || d === 'fp16');
  const [path, ...or] = floats.flatMap((d) =>
    d === 'fp32'
      ? [`${stem}.safetensors`, `${stem}.safetensors.index.json`]
      : [`${stem}.fp16.safetensors`, `${stem}.safetensors.index.fp16.json`],
  );
  return { path, or, wished: dtype !== undefined };
}

const transformers: ClipSource = {
  name: 'transformers',
  weights: (dtype) => safetensorsFile('model', dtype),
  files: (dtype) => [
    { path: 'config.json' },
    ...tokenizerFiles(),
    { path: 'preprocessor_config.json', optional: true },
    safetensorsFile('model', dtype),
  ],
  modelType: /clip/i,
};

const openClip: ClipSource = {
  name: 'OpenCLIP',
  weights: (dtype) => safetensorsFile('open_clip_model', dtype),
  files: (dtype) => [
    { path: 'open_clip_config.json' },
    // Without one, it is OpenAI's.
    ...tokenizerFiles().map((file) => ({ ...file, optional: true })),
    safetensorsFile('open_clip_model', dtype),
  ],
};

/**
 * In the order in which they are taken where the hub has several. ONNX comes first: its graphs were exported and checked by whoever offers
 * them, and they come in small precisions, too. Safetensors first would do as well.
 */
export const clipSources: readonly ClipSource[] = [...clipLayouts.map(onnx), transformers, openClip];

/** The paths that show that a model is offered in a form. */
export const signsOf = ({ weights }: ClipSource): readonly string[] => pathsOf(weights(undefined));

/** What is never read. */
export const PICKLES = ['pytorch_model.bin', 'open_clip_pytorch_model.bin'];
