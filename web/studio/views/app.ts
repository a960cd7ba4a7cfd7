// The page: header, tabs, the open task, the history; keys, pictures that are dropped or pasted anywhere, and what must be said.
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { icon } from '../../components/icons.ts';
import { buttons, fields, theme } from '../../components/theme.ts';
import { graphOfPng } from '../graph/png-graph.ts';
import { Studio } from '../state/studio.ts';
import { type TaskId, tasks } from '../tasks.ts';
import { appStyle } from './app.style.ts';
import { StudioElement } from './element.ts';
import './graph.ts';
import './history.ts';
import './inputs.ts';
import './panels.ts';
import './result.ts';
import './words.ts';

export class PezStudio extends StudioElement {
  static override styles = [theme, buttons, fields, appStyle];

  constructor() {
    super();
    this.studio = new Studio();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('keydown', this.#onKey);
    addEventListener('paste', this.#onPaste);
    addEventListener('dragover', this.#onDragOver);
    addEventListener('drop', this.#onDrop);
    void this.studio.start();
  }

  protected override updated(_changed: PropertyValues<this>): void {
    if (this.studio.ready) document.title = `${this.studio.task.title} · pez-nodes`;
  }

  protected override render(): TemplateResult {
    const { studio } = this;
    if (studio.denied) return this.#renderDenied();
    return html`
      <a class="skip" href="#main" @click=${this.#skip}>Skip to the words</a>
      <header>
        <a class="mark" href="/studio" aria-label="pez studio">${logo}<span>pez studio</span></a>
        ${this.#renderTabs()}
        <div class="end">
          <studio-panels .studio=${studio}></studio-panels>
          <button class="button quiet square" aria-label="Light or dark" title="Light or dark" @click=${switchTheme}>${icon('theme')}</button>
        </div>
      </header>
      ${studio.connection === 'lost' ? this.#renderLost() : nothing}
      ${studio.ready ? this.#renderTask() : this.#renderOpening()}`;
  }

  #renderTabs(): TemplateResult {
    const open = this.studio.document.task;
    return html`<div class="tabs" role="tablist" aria-label="Tasks" @keydown=${this.#onTabKey}>
      ${tasks.map(
        ({
          id,
          title,
          about,
        }) => html`<button role="tab" id=${`tab-${id}`} aria-selected=${id === open} aria-controls="main"
          tabindex=${id === open ? 0 : -1} title=${about} @click=${() => this.studio.open(id)}>${title}</button>`,
      )}
    </div>`;
  }

  #renderTask(): TemplateResult {
    const { studio } = this;
    const { id, input, draws } = studio.task;
    const hasInput = input !== 'words';
    const layout = id === 'swap' ? 'row' : !hasInput ? 'written' : draws ? 'three' : 'two';
    return html`<main id="main" role="tabpanel" aria-labelledby=${`tab-${id}`} tabindex="-1">
        <div class="stage ${layout} ${input === 'two' ? 'pair' : ''}">
          ${hasInput ? html`<studio-inputs class="inputs" .studio=${studio}></studio-inputs>` : nothing}
          <studio-words class="words" .studio=${studio}></studio-words>
          <studio-settings class="settings" .studio=${studio}></studio-settings>
          ${draws ? html`<studio-result class="result" .studio=${studio}></studio-result>` : nothing}
        </div>
        <studio-graph .studio=${studio}></studio-graph>
      </main>
      <aside><studio-history .studio=${studio}></studio-history></aside>`;
  }

  #renderOpening(): TemplateResult {
    const { failure } = this.studio;
    if (!failure) return html`<main class="opening" aria-busy="true"></main>`;
    return html`<main class="opening"><div class="say" role="alert"><h1>The studio cannot start</h1><p>${failure}</p>
      <button class="button" @click=${() => this.studio.retry()}>Try again</button></div></main>`;
  }

  #renderLost(): TemplateResult {
    return html`<div class="banner" role="alert">The server does not answer. Trying again; what runs there goes on.
      <button class="button quiet" @click=${() => this.studio.retry()}>Try now</button></div>`;
  }

  /** The server sets a cookie and leads back here; a page that may send nothing else needs no script for it. */
  #renderDenied(): TemplateResult {
    return html`<main class="opening"><form class="say" method="get" action="/studio"><h1>This server asks for its token</h1>
      <p>Whoever started it has it.</p>
      <label for="token">Token</label><input class="field" id="token" name="token" type="password" required autocomplete="current-password">
      <button class="button primary">Open the studio</button></form></main>`;
  }

  #skip(event: Event): void {
    event.preventDefault();
    this.renderRoot.querySelector<HTMLElement>('#main')?.focus();
  }

  #onTabKey(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tasks.findIndex(({ id }) => id === this.studio.document.task);
    const next: TaskId = tasks[(at + step + tasks.length) % tasks.length].id;
    this.studio.open(next);
    this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${next}`)?.focus());
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping(event)) return;
    const key = event.key.toLowerCase();
    if (key === 'z' && !event.shiftKey) this.studio.undo();
    else if (key === 'y' || (key === 'z' && event.shiftKey)) this.studio.redo();
    else if (key === 'enter') void this.studio.run();
    else return;
    event.preventDefault();
  };

  readonly #onPaste = (event: ClipboardEvent): void => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void this.#take(files);
  };

  readonly #onDragOver = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
  };

  readonly #onDrop = (event: DragEvent): void => {
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    void this.#take(files);
  };

  /** Beside the places for pictures: one that carries its graph opens the graph; others go in as pictures. */
  async #take(files: readonly File[]): Promise<void> {
    const { studio } = this;
    if (!studio.ready) return;
    const graph = graphOfPng(new Uint8Array(await files[0].arrayBuffer()));
    if (graph) studio.openGraph(graph);
    else {
      if (['words', 'text'].includes(studio.task.input)) studio.open('picture');
      await studio.addPictures(files, studio.task.input === 'several' ? studio.pictures.length : 0);
    }
  }
}

const logo = html`<svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true"><rect width="32" height="32" rx="9"/><path d="M8 11.5h16M8 16.5h10M8 21.5h13"/></svg>`;

/** Undo inside a field is the field's own. */
const isTyping = (event: KeyboardEvent): boolean => {
  const [target] = event.composedPath();
  if (event.key === 'Enter') return target instanceof HTMLTextAreaElement && target.id === 'prompt';
  return (
    target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLInputElement && !['range', 'checkbox'].includes(target.type))
  );
};

function switchTheme(): void {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme ? dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  dataset.theme = isDark ? 'light' : 'dark';
  try {
    localStorage.setItem('pez-studio-theme', dataset.theme);
  } catch {
    return; // it lasts until the next reload
  }
}

customElements.define('pez-studio', PezStudio);
