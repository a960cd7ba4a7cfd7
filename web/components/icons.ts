// The icons of the page, drawn with strokes on a grid of 16.
import { html, type SVGTemplateResult, svg, type TemplateResult } from 'lit';

const paths = {
  pin: svg`<path d="M9.5 2.5l4 4-2.2.8-2.5 2.5-.4 2.6-4.8-4.8 2.6-.4 2.5-2.5zM6 10l-3.5 3.5"/>`,
  block: svg`<circle cx="8" cy="8" r="5.5"/><path d="M4.2 4.2l7.6 7.6"/>`,
  close: svg`<path d="M4 4l8 8M12 4l-8 8"/>`,
  plus: svg`<path d="M8 3.5v9M3.5 8h9"/>`,
  copy: svg`<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2"/>`,
  download: svg`<path d="M8 2.5v7.5M5 7.5L8 10.5l3-3M3 13.5h10"/>`,
  upload: svg`<path d="M8 10.5V3M5 5.5L8 2.5l3 3M3 13.5h10"/>`,
  camera: svg`<path d="M2.5 5.5h2.3l1.2-2h4l1.2 2h2.3v7.5h-11z"/><circle cx="8" cy="9" r="2.3"/>`,
  undo: svg`<path d="M5.5 3L2.5 6l3 3M2.8 6H9a4 4 0 0 1 0 8H6"/>`,
  redo: svg`<path d="M10.5 3l3 3-3 3M13.2 6H7a4 4 0 0 0 0 8h3"/>`,
  left: svg`<path d="M10 3.5L5.5 8l4.5 4.5"/>`,
  right: svg`<path d="M6 3.5L10.5 8 6 12.5"/>`,
  down: svg`<path d="M3.5 6L8 10.5 12.5 6"/>`,
  stop: svg`<rect x="4" y="4" width="8" height="8" rx="1.5"/>`,
  graph: svg`<rect x="2" y="2.5" width="4.5" height="4" rx="1"/><rect x="9.5" y="9.5" width="4.5" height="4" rx="1"/><path d="M6.5 4.5c4 0-1 7 3 7"/>`,
  compare: svg`<rect x="2.5" y="3" width="11" height="10" rx="1.5"/><path d="M8 1.5v13M5.5 6.5L4 8l1.5 1.5M10.5 6.5L12 8l-1.5 1.5"/>`,
  edit: svg`<path d="M10.8 2.7l2.5 2.5L5.5 13l-3.2.7.7-3.2z"/>`,
  draw: svg`<path d="M13.5 2.5c-3 .8-6 3.4-7.2 6l1.2 1.2c2.6-1.2 5.2-4.2 6-7.2zM6 9.2c-1.6 0-2.3 1-2.3 2.2 0 .8-.5 1.4-1.2 1.7 2.3.7 4.8-.2 4.8-2.6"/>`,
  model: svg`<path d="M8 2.5l5.5 2.8L8 8.1 2.5 5.3zM2.5 8L8 10.8 13.5 8M2.5 10.7L8 13.5l5.5-2.8"/>`,
  search: svg`<circle cx="7" cy="7" r="4.2"/><path d="M10.2 10.2l3.3 3.3"/>`,
  trash: svg`<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9"/>`,
  theme: svg`<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11z" fill="currentColor"/>`,
  again: svg`<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.8h-2.8"/>`,
} satisfies Record<string, SVGTemplateResult>;

export type IconName = keyof typeof paths;

/** The icon alone: the button around it has a name of its own. */
export const icon = (name: IconName): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">${paths[name]}</svg>`;
