// The course of a search → a picture: small previews while it runs, the whole plot as IMAGE at the end.
import sharp from 'sharp';
import { allBytesOf, batchOf } from '../engine/image/batch.ts';
import type { InvertProgress, InvertResult } from '../engine/pez/invert.ts';
import { renderPlot } from '../engine/plot/plot.ts';
import type { NodeContext } from './node-context.ts';
import { limitRate, reportSearch } from './report-search.ts';
import type { ImageBatch } from './values.ts';

const PREVIEW_EVERY_MS = 1000;
/** px */
const PREVIEW_WIDTH = 512;
const PLOT_WIDTH = 1120;

export interface SearchView {
  /** For `invert`: progress bar, text, and about once a second a preview of the plot so far. */
  readonly onProgress: (progress: InvertProgress) => void;
  /** Resolves when nothing is being drawn any more; nothing is shown after it. */
  close(): Promise<void>;
}

/** Shows a search on its node while it runs. */
export function showSearch(context: NodeContext): SearchView {
  const report = reportSearch(context);
  const mayDraw = limitRate(PREVIEW_EVERY_MS);
  const history = { steps: [] as number[], best: [] as number[], similarities: [] as (readonly number[])[] };
  let drawing: Promise<void> | undefined;
  mayDraw(); // not at once: a first plot of one step shows nothing
  return {
    onProgress(progress) {
      history.steps.push(progress.step);
      history.best.push(progress.similarity);
      history.similarities.push(progress.similarities);
      report(progress);
      if (drawing || !progress.prompt || !mayDraw()) return;
      drawing = drawPreview(context, { ...copyOf(history), ...captionOf(progress) }).finally(() => {
        drawing = undefined;
      });
    },
    close: async () => drawing,
  };
}

type PlotData = Parameters<typeof renderPlot>[0];

const copyOf = (history: Pick<PlotData, 'steps' | 'best' | 'similarities'>) => ({
  steps: [...history.steps],
  best: [...history.best],
  similarities: [...history.similarities],
});

const captionOf = ({ prompt, similarity, step, steps }: InvertProgress) => ({
  prompt,
  caption: `similarity ${similarity.toFixed(4)}, step ${step} of ${steps}`,
});

/** A preview that fails is not worth the search: it is left out. */
async function drawPreview(context: NodeContext, data: Omit<PlotData, 'pictures'>): Promise<void> {
  try {
    const plot = await renderPlot({ ...data, pictures: [] });
    const bytes = await sharp(plot).resize(PREVIEW_WIDTH).jpeg({ quality: 85 }).toBuffer();
    if (!context.signal.aborted) context.preview({ bytes, imageType: 'image/jpeg' });
  } catch {
    return;
  }
}

/** The plot of a finished search, with the pictures that it was for. */
export async function searchPlot(result: InvertResult, images: ImageBatch): Promise<ImageBatch> {
  const { prompt, similarity, steps, stepsPerSecond, seed, history } = result;
  const caption = `similarity ${similarity.toFixed(4)}, ${steps} steps, ${stepsPerSecond.toFixed(0)} a second, seed ${seed}`;
  const png = await renderPlot({ prompt, caption, ...history, pictures: allBytesOf(images) });
  const { data, info } = await sharp(png).resize(PLOT_WIDTH).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return batchOf([{ data, width: info.width, height: info.height, channels: 3 }]);
}
