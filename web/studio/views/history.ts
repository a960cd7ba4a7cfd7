// What was made before: pictures with their words, newest first; searched by words, compared, opened again, saved.
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import '../../components/pez-compare.ts';
import { icon } from '../../components/icons.ts';
import { buttons, fields, theme } from '../../components/theme.ts';
import { inputUrl, viewUrl } from '../protocol/api.ts';
import type { Entry } from '../state/history.ts';
import { taskOf } from '../tasks.ts';
import { StudioElement } from './element.ts';
import { historyStyle } from './history.style.ts';
import { copyText, saveText, saveUrl } from './save-file.ts';

/** Cards that are drawn at a time; more when the end comes into view. */
const BATCH = 60;

export class StudioHistory extends StudioElement {
  static override properties = {
    ...StudioElement.properties,
    words: { state: true },
    shown: { state: true },
    picked: { state: true },
    said: { state: true },
  };
  static override styles = [theme, buttons, fields, historyStyle];
  protected override readonly follows = 'history';
  declare words: string;
  declare shown: number;
  /** Entries to compare: none, one or two. */
  declare picked: readonly Entry[];
  declare said: string;
  readonly #end = new IntersectionObserver(
    (seen) => seen.some(({ isIntersecting }) => isIntersecting) && this.#more(),
    {
      rootMargin: '600px',
    },
  );

  constructor() {
    super();
    this.words = '';
    this.shown = BATCH;
    this.picked = [];
    this.said = '';
  }

  protected override updated(changed: PropertyValues<this>): void {
    const end = this.renderRoot.querySelector('.end');
    this.#end.disconnect();
    if (end) this.#end.observe(end);
    if (changed.has('picked') && this.picked.length === 2) this.renderRoot.querySelector('dialog')?.showModal();
  }

  protected override render(): TemplateResult {
    const { history } = this.studio;
    const found = search(history.entries, this.words);
    const visible = found.slice(0, this.shown);
    return html`<section aria-labelledby="title">
      <header>
        <h2 id="title">History</h2>
        <label class="search">${icon('search')}<span class="visually-hidden">Search the history by words</span>
          <input class="field" type="search" placeholder="Search by words" .value=${this.words} @input=${this.#onSearch}></label>
        <p class="said" role="status">${this.said || (this.words ? `${found.length} found` : '')}</p>
      </header>
      ${
        found.length === 0
          ? html`<p class="empty">${this.words ? 'Nothing with these words.' : 'What you make appears here, and stays when the server restarts.'}</p>`
          : html`<ul>${repeat(
              visible,
              ({ id }) => id,
              (entry) => this.#renderCard(entry),
            )}</ul>`
      }
      ${visible.length < found.length || !history.complete ? html`<div class="end"></div>` : nothing}
      ${this.picked.length === 2 ? this.#renderComparison() : nothing}
    </section>`;
  }

  #renderCard(entry: Entry): TemplateResult {
    const { prompt, at, similarity, pictures, sources, task } = entry;
    const isPicked = this.picked.includes(entry);
    const time = new Date(at);
    return html`<li class=${isPicked ? 'picked' : ''}>
      <button class="open" @click=${() => this.#open(entry)} title="Open it in its task">
        ${thumbnail(entry)}
        ${pictures.length > 1 ? html`<span class="count">${pictures.length}<span class="visually-hidden"> pictures: </span></span>` : nothing}
        <span class="prompt">${prompt}</span>
      </button>
      <p class="meta"><time datetime=${time.toISOString()}>${when(time)}</time>
        <span>${task ? taskOf(task).title : 'Graph'}${similarity === undefined ? '' : ` · ${similarity.toFixed(3)}`}</span></p>
      <p class="tools">
        ${
          pictures.length + sources.length > 0
            ? html`<button class="button quiet square" aria-pressed=${isPicked} aria-label="Compare" title=${isPicked ? 'Now choose another to compare' : 'Compare with another'}
                @click=${() => this.#pick(entry)}>${icon('compare')}</button>`
            : nothing
        }
        <button class="button quiet square" aria-label="Copy the prompt" title="Copy the prompt" @click=${() => this.#copy(prompt)}>${icon('copy')}</button>
        <button class="button quiet square" aria-label="Save" title=${pictures.length > 0 ? 'Save the picture, with its graph inside' : 'Save as text'} @click=${() => save(entry)}>${icon('download')}</button>
        <button class="button quiet square" aria-label="Save the graph" title="Save the graph (JSON)" @click=${() => saveGraph(entry)}>${icon('graph')}</button>
        <button class="button quiet square" aria-label="Delete" title="Delete from the history" @click=${() => this.studio.history.remove(entry.id)}>${icon('trash')}</button>
      </p>
    </li>`;
  }

  #renderComparison(): TemplateResult {
    const [one, other] = this.picked;
    return html`<dialog aria-label="Compare two results" @close=${() => (this.picked = [])}>
      <form method="dialog"><button class="button quiet square" aria-label="Close" title="Close">${icon('close')}</button></form>
      <pez-compare .source=${pictureOf(one)} .result=${pictureOf(other)} source-label=${one.prompt} result-label=${other.prompt}></pez-compare>
    </dialog>`;
  }

  #onSearch(event: InputEvent): void {
    this.words = (event.target as HTMLInputElement).value;
    this.shown = BATCH;
    this.said = '';
    if (this.words) void this.studio.history.all();
  }

  #more(): void {
    const { history } = this.studio;
    if (this.shown < history.entries.length) this.shown += BATCH;
    else void history.more();
  }

  #open(entry: Entry): void {
    this.studio.openEntry(entry);
    scrollTo({ top: 0, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  }

  #pick(entry: Entry): void {
    this.picked = this.picked.includes(entry)
      ? this.picked.filter((other) => other !== entry)
      : [...this.picked, entry];
    this.said = this.picked.length === 1 ? 'Now choose another to compare' : '';
  }

  async #copy(prompt: string): Promise<void> {
    this.said = (await copyText(prompt)) ? 'Copied' : 'The browser does not let this page copy.';
  }
}

/** Entries that have all of the words. */
function search(entries: readonly Entry[], words: string): readonly Entry[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return entries;
  return entries.filter(({ prompt }) => wanted.every((word) => prompt.toLowerCase().includes(word)));
}

function thumbnail({ pictures, sources, prompt }: Entry): TemplateResult {
  const [picture] = pictures;
  if (picture)
    return html`<img src=${viewUrl(picture, 'webp;80')} alt="" loading="lazy" decoding="async" width="256" height="256">`;
  if (sources[0])
    return html`<img class="source" src=${inputUrl(sources[0], 'webp;80')} alt="" loading="lazy" decoding="async" width="256" height="256">`;
  return html`<span class="no-picture">${prompt.slice(0, 90)}</span>`;
}

const pictureOf = ({ pictures, sources }: Entry): string =>
  pictures[0] ? viewUrl(pictures[0]) : sources[0] ? inputUrl(sources[0]) : '';

function save({ id, pictures, prompt }: Entry): void {
  if (pictures.length === 0) saveText(`prompt-${id.slice(0, 8)}.txt`, `${prompt}\n`);
  for (const picture of pictures) saveUrl(picture.filename, viewUrl(picture));
}

const saveGraph = ({ id, raw }: Entry): void =>
  saveText(`graph-${id.slice(0, 8)}.json`, JSON.stringify(raw.prompt[2], undefined, 2), 'application/json');

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const when = (time: Date): string =>
  time.toDateString() === new Date().toDateString() ? clock.format(time) : day.format(time);

customElements.define('studio-history', StudioHistory);
