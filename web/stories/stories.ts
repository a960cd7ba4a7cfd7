// Every component → its stories.
import { html } from 'lit';
import type { PromptWord } from '../components/data.ts';
import '../components/pez-candidates.ts';
import '../components/pez-compare.ts';
import '../components/pez-image-drop.ts';
import '../components/pez-progress.ts';
import '../components/pez-search-plot.ts';
import '../components/pez-tokens.ts';
import { picture, type Story } from './story.ts';

const words: readonly PromptWord[] = [
  { text: 'tiger', contribution: 0.21 },
  { text: 'orange', contribution: 0.06, pinned: true },
  { text: 'snowstorm', tokens: ['snow', 'storm'], contribution: 0.02 },
  { text: 'flat', contribution: -0.01 },
];
const suggestions = [
  { word: 'leopard', change: -0.021 },
  { word: 'lion', change: -0.03 },
  { word: 'feline', change: 0.004 },
];
const hostile = [
  { text: '<img src=x onerror=alert(1)>' },
  { text: 'Donaudampfschifffahrtsgesellschaftskapitaen'.repeat(3) },
];

const steps = Array.from({ length: 60 }, (_, i) => i + 1);
const best = steps.map((step) => 0.82 - 0.3 * Math.exp(-step / 12));
const course = {
  steps,
  best,
  similarities: steps.map((step, i) =>
    Array.from(
      { length: step < 20 ? 8 : step < 40 ? 4 : 2 },
      (_, r) => best[i] - 0.03 * r - 0.02 * Math.sin(step / 3 + r),
    ),
  ),
};
const [tiger, night] = [picture('#e2772b', '#f5e2c8'), picture('#40528f', '#101522')];
const candidates = [
  { prompt: 'tiger cartoon orange stripes', similarity: 0.812 },
  { prompt: 'bengal cat illustration growl', similarity: 0.797, image: tiger },
  { prompt: '<b>a prompt</b> of many, many words '.repeat(6), similarity: 0.7 },
];

export const stories: Readonly<Record<string, readonly Story[]>> = {
  'pez-tokens': [
    { title: 'Words with what they carry', render: () => html`<pez-tokens .words=${words}></pez-tokens>` },
    {
      title: 'A word is open',
      render: () => html`<pez-tokens .words=${words} .selected=${0} .suggestions=${suggestions}></pez-tokens>`,
    },
    {
      title: 'Near words are being looked up',
      render: () => html`<pez-tokens .words=${words} .selected=${2} .suggestions=${undefined}></pez-tokens>`,
    },
    { title: 'Read only', render: () => html`<pez-tokens readonly .words=${words}></pez-tokens>` },
    { title: 'Long and hostile words', render: () => html`<pez-tokens .words=${hostile}></pez-tokens>` },
  ],
  'pez-search-plot': [
    { title: 'A finished search', render: () => html`<pez-search-plot .course=${course}></pez-search-plot>` },
    {
      title: 'A running search, of which only the best is known',
      render: () =>
        html`<pez-search-plot live .total=${120} .course=${{ steps: steps.slice(0, 20), best: best.slice(0, 20) }}></pez-search-plot>`,
    },
    { title: 'No search', render: () => html`<pez-search-plot></pez-search-plot>` },
  ],
  'pez-candidates': [
    {
      title: 'Candidates',
      render: () =>
        html`<pez-candidates drawable .candidates=${candidates} chosen="tiger cartoon orange stripes"></pez-candidates>`,
    },
  ],
  'pez-compare': [
    {
      title: 'Two pictures',
      render: () =>
        html`<pez-compare .source=${tiger} .result=${night} source-label="tiger.png" result-label="Drawn"></pez-compare>`,
    },
  ],
  'pez-image-drop': [
    { title: 'Empty', render: () => html`<pez-image-drop label="Your picture"></pez-image-drop>` },
    {
      title: 'With a picture and a long name',
      render: () =>
        html`<pez-image-drop .src=${tiger} name=${`${'a-very-long-name-'.repeat(9)}.png`}></pez-image-drop>`,
    },
    {
      title: 'With an error',
      render: () => html`<pez-image-drop label="Your picture" error="notes.txt is not a picture."></pez-image-drop>`,
    },
  ],
  'pez-progress': [
    {
      title: 'Half done',
      render: () => html`<pez-progress label="Finding the words" .value=${60} .max=${120} .startedAt=${1000}
        .now=${4000} detail="tiger orange stripes" .preview=${tiger}></pez-progress>`,
    },
    { title: 'Waiting', render: () => html`<pez-progress label="2 runs before this one" waiting></pez-progress>` },
  ],
};
