// A picture that is being drawn → small JPEGs of it on the node, a few a second.
import type { Latent } from '../engine/diffusion/latent.ts';
import { makePreviewer, type Previewer } from '../engine/diffusion/preview.ts';
import type { Vae } from '../engine/diffusion/vae.ts';
import { remember } from '../engine/memo.ts';
import { encodeJpeg } from './encode-jpeg.ts';
import type { NodeContext } from './node-context.ts';
import { limitRate } from './report-search.ts';

const PREVIEW_EVERY_MS = 250;

export interface SamplingView {
  /** For `sample`: never waits. */
  readonly onStep: (step: { denoised(): Latent }) => void;
  /** Resolves when nothing is being drawn any more; nothing is shown after it. */
  close(): Promise<void>;
}

/** One fit for each VAE, as long as it lives. */
const previewers = new WeakMap<Vae, Promise<Previewer>>();

/** Shows what is drawn while it is drawn; without a VAE nothing. A run shorter than a preview's rate shows none. */
export function showSampling(vae: Vae | undefined, context: Pick<NodeContext, 'preview' | 'signal'>): SamplingView {
  const mayDraw = limitRate(PREVIEW_EVERY_MS);
  let drawing: Promise<void> | undefined;
  mayDraw(); // the first estimates are fog, and the fit costs four decodings
  return {
    onStep({ denoised }) {
      if (!vae || drawing || context.signal.aborted || !mayDraw()) return;
      drawing = draw(vae, denoised(), context).finally(() => {
        drawing = undefined;
      });
    },
    close: async () => drawing,
  };
}

/** A preview that fails is not worth the picture: it is left out. */
async function draw(vae: Vae, latent: Latent, context: Pick<NodeContext, 'preview' | 'signal'>): Promise<void> {
  try {
    const paint = await remember(previewers, vae, () => makePreviewer(vae, context.signal));
    const bytes = await encodeJpeg(paint(firstOf(latent)), { enlarge: vae.config.scale });
    if (!context.signal.aborted) context.preview({ bytes, imageType: 'image/jpeg' });
  } catch {
    return;
  }
}

/** Of a batch the first is shown, as in ComfyUI. */
const firstOf = ({ shape: [batch, c, h, w], data }: Latent): Latent => ({
  shape: [1, c, h, w],
  data: data.subarray(0, data.length / batch),
});
