// The preset graphs: what differs from the defaults. `npx tsx templates/generate.ts` writes both forms from it.
import type { ApiGraph, Link } from '../schemas/prompt.ts';

export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly graph: ApiGraph;
}

const node = (class_type: string, inputs: Record<string, unknown>, title?: string) => ({
  class_type,
  inputs,
  ...(title && { _meta: { title } }),
});
const clip = node('CLIPLoader', { clip_name: 'pico-clip' });

/** Nodes 20 and 21: the checkpoint, and an empty latent of the size it draws. */
const modelAndLatent = {
  20: node('CheckpointLoaderSimple', { ckpt_name: 'pico-diffusion' }),
  21: node('EmptyLatentImage', { width: 64, height: 64 }),
};

/** Large enough to look at. */
const enlarge = (image: Link) => node('ImageScale', { image, upscale_method: 'bicubic', width: 256, height: 256 });

/** Nodes 20 to 27: draw `prompt` with pico-diffusion and save it. */
const drawing = (prompt: string | Link) => ({
  ...modelAndLatent,
  22: node('CLIPTextEncode', { text: prompt, clip: ['20', 1] }, 'Positive prompt'),
  23: node('CLIPTextEncode', { text: '', clip: ['20', 1] }, 'Negative prompt'),
  24: node('KSampler', {
    model: ['20', 0],
    cfg: 4,
    positive: ['22', 0],
    negative: ['23', 0],
    latent_image: ['21', 0],
  }),
  25: node('VAEDecode', { samples: ['24', 0], vae: ['20', 2] }),
  26: enlarge(['25', 0]),
  27: node('SaveImage', { images: ['26', 0] }),
});

export const presets: readonly Preset[] = [
  {
    name: 'image-to-prompt',
    title: 'Image to prompt',
    description: 'Finds a prompt that describes a picture, and plots the search.',
    graph: {
      1: node('LoadImage', { image: 'tiger.png' }),
      2: clip,
      3: node('PEZInvert', { images: ['1', 0], clip: ['2', 0] }),
      4: node('PreviewAny', { source: ['3', 0] }, 'Prompt'),
      5: node('PreviewImage', { images: ['3', 3] }, 'The search'),
    },
  },
  {
    name: 'images-to-style-prompt',
    title: 'Images to style prompt',
    description:
      'Finds one prompt for what several pictures have in common. Use pictures in one style with different subjects.',
    graph: {
      1: node('LoadImage', { image: 'butterfly.png' }),
      2: node('LoadImage', { image: 'guitar.png' }),
      3: node('LoadImage', { image: 'house.png' }),
      4: clip,
      5: node('ImageBatch', { image1: ['1', 0], image2: ['2', 0] }),
      6: node('ImageBatch', { image1: ['5', 0], image2: ['3', 0] }),
      7: node('PEZInvert', { images: ['6', 0], clip: ['4', 0] }),
      8: node('PreviewAny', { source: ['7', 0] }, 'Style prompt'),
      9: node('PreviewImage', { images: ['7', 3] }, 'The search'),
    },
  },
  {
    name: 'blend-two-images',
    title: 'Blend two images',
    description: 'Finds one prompt that is close to two pictures at once; the weights set which picture counts more.',
    graph: {
      1: node('LoadImage', { image: 'tiger.png' }),
      2: node('LoadImage', { image: 'butterfly.png' }),
      3: clip,
      4: node('PromptBlend', { clip: ['3', 0], mode: 'joint', length: 8, image_1: ['1', 0], image_2: ['2', 0] }),
      5: node('PreviewAny', { source: ['4', 0] }, 'Prompt'),
      6: node('PreviewAny', { source: ['4', 1] }, 'Similarity to each picture'),
    },
  },
  {
    name: 'style-and-swap',
    title: 'Style and swap',
    description:
      'Finds a prompt for a picture, then replaces its subject once with a tiger and once with Paris, and keeps the rest.',
    graph: {
      1: node('LoadImage', { image: 'house.png' }),
      2: clip,
      3: node('PEZInvert', { images: ['1', 0], clip: ['2', 0] }),
      4: node('TokenSwap', { clip: ['2', 0], prompt: ['3', 0], to: 'tiger, Paris', image: ['1', 0] }),
      5: node('PreviewAny', { source: ['3', 0] }, 'Prompt for the picture'),
      6: node('PreviewAny', { source: ['4', 0] }, 'After the swap'),
      7: node('PreviewAny', { source: ['4', 1] }, 'What each word contributes'),
    },
  },
  {
    name: 'distil-prompt',
    title: 'Distil prompt',
    description: 'Shortens a long text to a prompt that means the same to CLIP.',
    graph: {
      1: node('PrimitiveStringMultiline', {
        value:
          'a very detailed and beautiful painting of an orange tiger with black stripes that sits on the green grass in front of a small wooden house, bright colours, simple shapes',
      }),
      2: clip,
      3: node('DistilPrompt', { clip: ['2', 0], text: ['1', 0], length: 8 }),
      4: node('PreviewAny', { source: ['3', 0] }, 'Short prompt'),
      5: node('PreviewAny', { source: ['3', 1] }, 'Similarity to the text'),
    },
  },
  {
    name: 'text-to-image',
    title: 'Text to image',
    description: "Draws a picture from a prompt: ComfyUI's default graph with pico-diffusion as its model.",
    graph: {
      3: node('KSampler', {
        model: ['4', 0],
        seed: 156680208700286,
        cfg: 4,
        positive: ['6', 0],
        negative: ['7', 0],
        latent_image: ['5', 0],
      }),
      4: node('CheckpointLoaderSimple', { ckpt_name: 'pico-diffusion' }),
      5: node('EmptyLatentImage', { width: 64, height: 64 }),
      6: node('CLIPTextEncode', { text: 'a tiger', clip: ['4', 1] }, 'Positive prompt'),
      7: node('CLIPTextEncode', { text: '', clip: ['4', 1] }, 'Negative prompt'),
      8: node('VAEDecode', { samples: ['3', 0], vae: ['4', 2] }),
      9: node('SaveImage', { images: ['8', 0] }),
    },
  },
  {
    name: 'image-to-prompt-to-image',
    title: 'Image to prompt to image',
    description: 'Finds a prompt that describes a picture, then draws that prompt.',
    graph: {
      1: node('LoadImage', { image: 'tiger.png' }),
      2: clip,
      3: node('PEZInvert', { images: ['1', 0], clip: ['2', 0] }),
      4: node('PreviewAny', { source: ['3', 0] }, 'Prompt'),
      5: node('PreviewAny', { source: ['3', 1] }, 'Similarity of prompt and picture'),
      ...drawing(['3', 0]),
      28: node('CLIPSimilarity', { clip: ['2', 0], images_a: ['1', 0], images_b: ['25', 0] }),
      29: node('PreviewAny', { source: ['28', 2] }, 'Similarity of both pictures'),
    },
  },
  {
    name: 'image-to-best-prompt',
    title: 'Image to best prompt',
    description:
      'Finds several prompts for a picture, draws each of them twice, and keeps the prompt whose pictures come closest to the original.',
    graph: {
      1: node('LoadImage', { image: 'tiger.png' }),
      2: clip,
      3: node('PEZInvert', { images: ['1', 0], clip: ['2', 0] }),
      ...modelAndLatent,
      22: node('PEZRerank', {
        candidates: ['3', 4],
        source: ['1', 0],
        judge: ['2', 0],
        model: ['20', 0],
        clip: ['20', 1],
        vae: ['20', 2],
        latent_image: ['21', 0],
        cfg: 4,
      }),
      23: node('PreviewAny', { source: ['22', 0] }, 'The best prompt'),
      24: node('PreviewAny', { source: ['22', 2] }, 'Similarity of its pictures to the source'),
      25: enlarge(['22', 1]),
      26: node('SaveImage', { images: ['25', 0] }),
      27: enlarge(['22', 3]),
      28: node('PreviewImage', { images: ['27', 0] }, 'Everything drawn'),
    },
  },
  {
    name: 'blend-to-image',
    title: 'Blend to image',
    description: 'Finds one prompt that is close to two pictures at once, then draws it.',
    graph: {
      1: node('LoadImage', { image: 'tiger.png' }),
      2: node('LoadImage', { image: 'butterfly.png' }),
      3: clip,
      4: node('PromptBlend', { clip: ['3', 0], mode: 'joint', length: 8, image_1: ['1', 0], image_2: ['2', 0] }),
      5: node('PreviewAny', { source: ['4', 0] }, 'Prompt'),
      ...drawing(['4', 0]),
    },
  },
  {
    name: 'swap-to-images',
    title: 'Swap to images',
    description:
      'Finds words for the way a butterfly is drawn, replaces the butterfly with other things, and draws each of them: a row of pictures in one style. To use your own picture, name its subject in the template and in “from”.',
    graph: {
      1: node('LoadImage', { image: 'butterfly.png' }),
      2: clip,
      3: node('PEZInvert', {
        images: ['1', 0],
        clip: ['2', 0],
        length: 2,
        template: 'a {} drawing of a butterfly',
      }),
      4: node('TokenSwap', {
        clip: ['2', 0],
        prompt: ['3', 0],
        mode: 'word',
        from: 'butterfly',
        to: 'pig, penguin, rose',
        image: ['1', 0],
      }),
      5: node('PreviewAny', { source: ['4', 0] }, 'After the swap'),
      ...drawing(['4', 0]),
    },
  },
];
