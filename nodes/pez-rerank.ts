// Candidates of a search, and a checkpoint that draws them → the prompt whose pictures come closest to the source.
import { allBytesOf, joinBatches } from '../engine/image/batch.ts';
import { type RerankCandidate, rerankPrompts } from '../engine/rerank/rerank.ts';
import { judgeOf, promptModelOf } from './clip-kinds.ts';
import { defineNode, int, NodeResult, port, string } from './define-node.ts';
import { showSampling } from './latent-preview.ts';
import { describePrompt } from './report-search.ts';
import { denoiseInput, samplerSettings } from './sampler-inputs.ts';
import { textTable } from './text-table.ts';
import type { ImageBatch } from './values.ts';

export const pezRerank = defineNode({
  type: 'PEZRerank',
  displayName: 'PEZ Rerank',
  category: 'PEZ',
  description:
    'Draws each candidate prompt and keeps the one whose pictures come closest to the source. How well a prompt matches a picture says little about what a model draws from it: this node looks.',
  searchAliases: ['best prompt', 'choose prompt', 'rerank', 'generate and compare'],
  inputs: {
    candidates: string({
      forceInput: true,
      tooltip: 'The prompts to try, best guess first: the candidates of PEZ Invert, or any texts.',
    }),
    source: port('IMAGE', {
      tooltip: 'What the drawn pictures should look like. If there are several, the mean similarity counts.',
    }),
    judge: port('CLIP', { tooltip: 'The CLIP of Load CLIP: it compares the drawn pictures with the source.' }),
    model: port('MODEL', { tooltip: 'The model that draws.' }),
    clip: port('CLIP', { tooltip: 'The text encoder of Load Checkpoint.' }),
    vae: port('VAE', { tooltip: 'The VAE of Load Checkpoint.' }),
    latent_image: port('LATENT', {
      tooltip:
        'What to draw on: an empty latent of the size you want. A batch gives that many pictures for each prompt and seed.',
    }),
    count: int({
      default: 5,
      min: 1,
      max: 1000,
      tooltip: 'How many of the candidates to draw, starting with the first.',
    }),
    seeds: int({
      default: 2,
      min: 1,
      max: 64,
      tooltip:
        'How many pictures to draw of each candidate, with consecutive seeds. More make the choice more reliable.',
    }),
    ...samplerSettings,
    denoise: denoiseInput(),
    negative: string({ multiline: true, default: '', tooltip: 'What the pictures should not show.' }),
  },
  outputs: {
    prompt: port('STRING', { tooltip: 'The prompt that drew best.' }),
    image: port('IMAGE', { tooltip: 'The closest of its pictures to the source.' }),
    similarity: port('FLOAT', {
      tooltip: 'How close its pictures are to the source for the judge: the mean cosine similarity, at most 1.',
    }),
    images: port('IMAGE', { tooltip: 'Everything drawn, prompt by prompt and seed by seed.' }),
  },
  inputIsList: true,
  hasIntermediateOutput: true,
  run: async (inputs, context) => {
    const [model, vae] = [inputs.model[0], inputs.vae[0]];
    const view = showSampling(model.previewVae ?? vae, context);
    const { best, candidates } = await rerankPrompts({
      prompts: inputs.candidates.slice(0, inputs.count[0]),
      sources: inputs.source.flatMap(allBytesOf),
      judge: judgeOf(inputs.judge[0]),
      model,
      clip: promptModelOf(inputs.clip[0]),
      vae,
      negative: inputs.negative[0],
      latent: inputs.latent_image[0],
      seeds: seedsFrom(inputs.seed[0], inputs.seeds[0]),
      steps: inputs.steps[0],
      cfg: inputs.cfg[0],
      sampler: inputs.sampler_name[0],
      scheduler: inputs.scheduler[0],
      denoise: inputs.denoise[0],
      signal: context.signal,
      onStep: (at) => {
        context.progress(at.done, at.total);
        view.onStep(at);
      },
      onCandidate: (candidate) => context.text(describePrompt(candidate)),
    }).finally(view.close);
    context.signal.throwIfAborted();
    context.text(describePrompt(best));
    return new NodeResult({
      outputs: {
        prompt: best.prompt,
        image: closestOf(best),
        similarity: best.similarity,
        images: joinBatches(candidates.map(({ pictures }) => pictures)),
      },
      ui: { text: [tableOf(candidates)] },
    });
  },
});

/** `count` seeds from the first on; after the largest comes 0. */
const seedsFrom = (seed: number | bigint, count: number): bigint[] =>
  Array.from({ length: count }, (_, i) => BigInt.asUintN(64, BigInt(seed) + BigInt(i)));

function closestOf({ pictures: { shape, data }, similarities }: RerankCandidate): ImageBatch {
  const [, height, width, channels] = shape;
  const size = height * width * channels;
  const index = similarities.indexOf(Math.max(...similarities));
  return { shape: [1, height, width, channels], data: data.slice(index * size, (index + 1) * size) };
}

const tableOf = (candidates: readonly RerankCandidate[]): string =>
  textTable([
    ['prompt', 'similarity'],
    ...candidates
      .toSorted((a, b) => b.similarity - a.similarity)
      .map(({ prompt, similarity }) => [prompt, similarity.toFixed(4)]),
  ]);
