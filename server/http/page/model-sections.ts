// The models that loaders offer → their sections of the page, with what is known of each file.
import type { ModelKind, OfferedModels } from '../../../nodes/node-context.ts';
import { kindsOfModels } from '../../files/choice-sources.ts';
import type { FileKind, FileKinds } from '../../files/file-kinds.ts';
import { type Html, html } from './html.ts';

export interface ModelSectionsDeps {
  readonly offered: OfferedModels;
  readonly kinds: FileKinds;
}

interface Section {
  readonly kind: ModelKind;
  /** The list as JSON. */
  readonly folder: string;
  readonly title: string;
  readonly what: string;
  /** Stays when there are none. */
  readonly always?: boolean;
}

const SECTIONS: readonly Section[] = [
  { kind: 'clip', folder: 'clip', title: 'Models', what: 'The CLIP models that Load CLIP offers.', always: true },
  {
    kind: 'checkpoint',
    folder: 'checkpoints',
    title: 'Checkpoints',
    what: 'The models that draw, as Load Checkpoint offers them.',
    always: true,
  },
  { kind: 'lora', folder: 'loras', title: 'LoRAs', what: 'Small changes of a checkpoint.' },
  { kind: 'vae', folder: 'vae', title: 'VAEs', what: 'What turns latents into pictures and back.' },
  { kind: 'unet', folder: 'diffusion_models', title: 'Diffusion models', what: 'U-Nets in files of their own.' },
  { kind: 'clip_vision', folder: 'clip_vision', title: 'CLIP Vision', what: 'Picture towers in files of their own.' },
];

/** Names that a section shows. */
const MAX_NAMES = 200;

export const modelSections = (deps: ModelSectionsDeps): readonly Html[] =>
  SECTIONS.map((section) => ({ section, names: deps.offered.names(section.kind) }))
    .filter(({ section, names }) => section.always || names.length > 0)
    .map(({ section, names }) => renderSection(section, names, deps));

function renderSection(
  { kind, folder, title, what }: Section,
  names: readonly string[],
  deps: ModelSectionsDeps,
): Html {
  const labels = new Map(kindsOfModels(kind, deps.offered, deps.kinds).map((model) => [model.name, model.kind]));
  const items = names
    .slice(0, MAX_NAMES)
    .map((name) => html`<li><code>${name}</code>${labelOf(labels.get(name))}</li>`);
  const more = names.length > MAX_NAMES ? html`<p><a href="/models/${folder}">all ${names.length}</a></p>` : html``;
  return html`<section><h2>${title} <small>${names.length}</small></h2><p>${what}</p><ul class="tags">${items}</ul>${more}</section>`;
}

const labelOf = (kind: FileKind | undefined): Html => {
  if (!kind) return html``;
  return html` <small>${kind.supported ? kind.label : `not supported: ${kind.label}`}</small>`;
};
