// IMAGE → PNG files in the temp folder, for the eye.
import { randomInt } from 'node:crypto';
import { defineNode, NodeResult, port } from './define-node.ts';
import { saveImages } from './save-images.ts';

export const previewImage = defineNode({
  type: 'PreviewImage',
  displayName: 'Preview Image',
  category: 'image',
  description:
    'Shows pictures on the node. Their files lie in the temp folder, which is emptied when the server starts.',
  searchAliases: ['preview', 'show image', 'view image', 'display image'],
  inputs: { images: port('IMAGE', { tooltip: 'The pictures to show.' }) },
  hidden: { prompt: 'PROMPT', extra_pnginfo: 'EXTRA_PNGINFO' },
  outputs: {},
  outputNode: true,
  run: async ({ images, prompt, extra_pnginfo }, context) => {
    const request = { images, type: 'temp', prefix: `ComfyUI_temp_${randomLetters(5)}`, compressionLevel: 1 } as const;
    const saved = await saveImages({ ...request, prompt, extraPngInfo: extra_pnginfo }, context);
    return new NodeResult({ ui: { images: saved } });
  },
});

const randomLetters = (count: number): string =>
  String.fromCharCode(...Array.from({ length: count }, () => 97 + randomInt(26)));
