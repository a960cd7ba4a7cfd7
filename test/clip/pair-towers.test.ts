// Which CLIP belongs to which checkpoint, and towers that were never trained together.
import { clipOfWidth, clipsThatFit, fittingClipHint } from '../../engine/clip/fitting-clips.ts';

test('a checkpoint’s CLIP is named with the size of its download', () => {
  expect(fittingClipHint(clipsThatFit('sd1'))).toBe('openai/clip-vit-large-patch14 (ViT-L/14, a download of 1.7 GB)');
  expect(fittingClipHint(clipsThatFit('sd2'))).toBe(
    'laion/CLIP-ViT-H-14-laion2B-s32B-b79K (ViT-H/14, a download of 3.9 GB)',
  );
  expect(fittingClipHint(clipsThatFit('sdxl'))).toBe(
    'openai/clip-vit-large-patch14 (ViT-L/14, a download of 1.7 GB) or laion/CLIP-ViT-bigG-14-laion2B-39B-b160k (ViT-bigG/14, a download of 10.2 GB)',
  );
  expect([768, 1024, 1280].map((width) => clipOfWidth(width)?.label)).toEqual(['ViT-L/14', 'ViT-H/14', 'ViT-bigG/14']);
  expect(fittingClipHint([])).toContain(' or laion/CLIP-ViT-H-14');
});

/** Parameters of a transformer of `layers` with its two tables or its patches, as the architecture has them. */
const layersOf = (width: number, inner: number, layers: number) =>
  layers * (4 * (width * width + width) + 2 * width * inner + inner + width + 4 * width);

test.each([
  ['sd1', 768, 12, 1024, 4096, 24, 768],
  ['sd2', 1024, 24, 1280, 5120, 32, 1024],
  ['sdxl_refiner', 1280, 32, 1664, 8192, 48, 1280],
] as const)(
  'the size for %s is that of its architecture',
  (base, width, layers, viewWidth, viewInner, viewLayers, p) => {
    const text = layersOf(width, 4 * width, layers) + (49_408 + 77) * width + 2 * width + width * p;
    const patches = 3 * 14 * 14 * viewWidth + (16 * 16 + 1) * viewWidth + viewWidth;
    const vision = layersOf(viewWidth, viewInner, viewLayers) + patches + 4 * viewWidth + viewWidth * p;
    expect(clipsThatFit(base).at(-1)!.parameters).toBe(text + vision + 1); // and the logit scale
  },
);
