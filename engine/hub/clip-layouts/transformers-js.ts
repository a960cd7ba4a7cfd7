// The layout of the hub's transformers.js exports, which optimum writes, too: onnx/text_model.onnx and onnx/vision_model.onnx.
import { variantFile } from '../variant.ts';
import type { ClipLayout } from './layout.ts';

export const transformersJs: ClipLayout = {
  name: 'transformers.js',
  towerFile: (tower, dtype) => variantFile(`onnx/${tower}_model`, dtype),
  config: 'config.json',
  tokenizer: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
  processor: 'preprocessor_config.json',
  readConfig: (json) => json,
  readProcessor: (json) => json as Readonly<Record<string, unknown>>,
};
