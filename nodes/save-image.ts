// IMAGE → PNG files in the output folder.
import { defineNode, NodeResult, port, string } from './define-node.ts';
import { saveImages } from './save-images.ts';

export const saveImage = defineNode({
  type: 'SaveImage',
  displayName: 'Save Image',
  category: 'image',
  description:
    'Saves pictures as PNG files in the output folder. Each holds its graph: drop the file on the canvas to get it back.',
  searchAliases: ['save', 'write', 'export', 'output', 'png'],
  inputs: {
    images: port('IMAGE', { tooltip: 'The pictures to save, one file each.' }),
    filename_prefix: string({
      default: 'ComfyUI',
      tooltip:
        'What the file names start with; a counter follows. a/b saves into the folder a. %width%, %height%, %year%, %month%, %day%, %hour%, %minute%, %second% and %batch_num% are replaced.',
    }),
  },
  hidden: { prompt: 'PROMPT', extra_pnginfo: 'EXTRA_PNGINFO' },
  outputs: {},
  outputNode: true,
  run: async ({ images, filename_prefix, prompt, extra_pnginfo }, context) => {
    const request = { images, type: 'output', prefix: filename_prefix, compressionLevel: 4 } as const;
    const saved = await saveImages({ ...request, prompt, extraPngInfo: extra_pnginfo }, context);
    return new NodeResult({ ui: { images: saved } });
  },
});
