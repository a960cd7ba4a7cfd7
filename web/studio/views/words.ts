// The words: those that were found or written, what each carries, and what can be done with them.

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { ApiGraph } from '../../../schemas/prompt.ts';
import '../../components/pez-candidates.ts';
import '../../components/pez-progress.ts';
import '../../components/pez-search-plot.ts';
import '../../components/pez-tokens.ts';
import { icon } from '../../components/icons.ts';
import type { TokenEvents } from '../../components/pez-tokens.ts';
import { buttons, fields, theme } from '../../components/theme.ts';
import { findNode } from '../graph/edit.ts';
import { swapIndex } from '../state/graphs.ts';
import { candidatesOf, courseOf, isOver, promptOf, type Run } from '../state/run.ts';
import { textOf, wordsOf } from '../state/words.ts';
import { StudioElement } from './element.ts';
import { copyText } from './save-file.ts';
import { wordsStyle } from './words.style.ts';

/** Between two looks at the clock while something runs. */
const TICK_MS = 1000;

export class StudioWords extends StudioElement {
  static override properties = { ...StudioElement.properties, editing: { state: true }, said: { state: true } };
  static override styles = [theme, buttons, fields, wordsStyle];
  declare editing: boolean;
  declare said: string;
  #tick = 0;

  protected override willUpdate(changed: PropertyValues<this>): void {
    super.willUpdate(changed);
    const isRunning = this.studio?.active.length > 0;
    if (isRunning && !this.#tick) this.#tick = window.setInterval(() => this.requestUpdate(), TICK_MS);
    if (isRunning || !this.#tick) return;
    clearInterval(this.#tick);
    this.#tick = 0;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { studio } = this;
    if (!studio?.ready) return nothing;
    const { state, task, searchRun, active } = studio;
    const own = active.find((run) => run.task === task.id);
    const live = searchRun && !isOver(searchRun) ? searchRun : undefined;
    const isEmpty = state.words.length === 0 && task.input !== 'words';
    return html`<section class="column" aria-label="Words">
      <div class="head">
        <h1 class=${isEmpty && !live?.prompt ? 'visually-hidden' : ''}>${headingOf(task.input)}</h1>
        ${state.similarity !== undefined && !live && ['one', 'two', 'several'].includes(task.input) ? html`<p class="score"><b>${state.similarity.toFixed(3)}</b> similar to ${{ two: 'picture 1', several: 'them' }[task.input as string] ?? 'the picture'}</p>` : nothing}
      </div>
      ${live?.prompt ? this.#renderLive(live) : this.#renderWords(live !== undefined)}
      ${state.blocked.length > 0 ? this.#renderBlocked() : nothing}
      ${task.id === 'swap' && state.words.length > 0 ? this.#renderSwap() : nothing}
      ${own ? this.#renderProgress(own) : nothing}
      ${this.#renderButtons(own !== undefined)}
      ${this.#renderErrors()}
      ${this.#renderSearch(searchRun, live !== undefined)}
    </section>`;
  }

  #renderLive({ prompt }: Run): TemplateResult {
    return html`<pez-tokens readonly live label="The best words so far" .words=${wordsOf(prompt)}></pez-tokens>`;
  }

  #renderWords(isSearching: boolean): TemplateResult {
    const { studio } = this;
    const { state, task, selected, suggestions } = studio;
    if (isSearching) return html`<p class="invitation searching">Looking …</p>`;
    if (this.editing || (state.words.length === 0 && task.input === 'words')) return this.#renderEditor();
    if (state.words.length === 0)
      return html`<p class="invitation">${task.invitation}</p><p class="about">${task.about}</p>`;
    const on =
      <K extends keyof TokenEvents>(act: (detail: TokenEvents[K]['detail']) => void) =>
      (event: TokenEvents[K]) =>
        act(event.detail);
    return html`<pez-tokens label=${headingOf(task.input)} .words=${state.words} .selected=${selected} .suggestions=${suggestions} .actions=${actionsOf(studio.template)}
        @pez-select=${on<'pez-select'>(({ index }) => studio.select(index))}
        @pez-swap=${on<'pez-swap'>(({ index, text }) => studio.swap(index, text))}
        @pez-remove=${on<'pez-remove'>(({ index }) => studio.remove(index))}
        @pez-pin=${on<'pez-pin'>(({ index }) => studio.pin(index))}
        @pez-block=${on<'pez-block'>(({ index }) => studio.block(index))}
        @pez-move=${on<'pez-move'>(({ from, to }) => studio.move(from, to))}
        @pez-add=${on<'pez-add'>(({ text }) => studio.add(text))}></pez-tokens>
      <p class="hint" role="status">${this.said || studio.unmeasured || 'The deeper the shade, the more a word carries.'}</p>
      <div class="tools">
        <button class="button quiet" @click=${this.#copy}>${icon('copy')} Copy</button>
        <button class="button quiet" @click=${() => (this.editing = true)}>${icon('edit')} Edit</button>
        <button class="button quiet" ?disabled=${!studio.canUndo} @click=${() => studio.undo()}>${icon('undo')} <span class="name">Undo</span></button>
        <button class="button quiet" ?disabled=${!studio.canRedo} @click=${() => studio.redo()}>${icon('redo')} <span class="name">Redo</span></button>
      </div>`;
  }

  #renderEditor(): TemplateResult {
    return html`<form class="editor" @submit=${this.#onEdited}>
      <label class="visually-hidden" for="prompt">The prompt as text</label>
      <textarea class="field" id="prompt" name="prompt" rows="3" placeholder=${this.studio.task.invitation}
        .value=${textOf(this.studio.state.words)} @keydown=${this.#onEditorKey}></textarea>
      <div class="tools"><button class="button">Use this text</button>
        ${this.editing ? html`<button class="button quiet" type="button" @click=${() => (this.editing = false)}>Cancel</button>` : nothing}</div>
    </form>`;
  }

  #renderBlocked(): TemplateResult {
    const { studio } = this;
    return html`<p class="blocked"><span>${icon('block')} Never again:</span>
      ${studio.state.blocked.map((word) => html`<button class="button quiet" aria-label=${`Allow ${word} again`} title="Allow it again" @click=${() => studio.unblock(word)}>${word} ${icon('close')}</button>`)}</p>`;
  }

  /** Which word the row replaces, and with what. */
  #renderSwap(): TemplateResult | typeof nothing {
    const { studio } = this;
    const [type, input] = (studio.task.text ?? '').split('.');
    const id = findNode(studio.template, type);
    if (!id) return nothing;
    const key = `${id}.${input}`;
    const value = String(studio.state.values[key] ?? studio.template[id].inputs[input] ?? '');
    const problem = studio.problems.find((each) => each.nodeId === id && each.input === input);
    return html`<div class="swap">
      <label for="to">Swap <b>${studio.state.words[swapIndex(studio.state)]?.text}</b> for</label>
      <input class="field" id="to" .value=${value} placeholder="tiger, Paris" autocomplete="off" aria-invalid=${problem ? 'true' : 'false'}
        @change=${(event: Event) => studio.setValue(key, (event.target as HTMLInputElement).value)}
        @keydown=${(event: KeyboardEvent) => event.key === 'Enter' && (event.target as HTMLInputElement).blur()}>
      ${problem ? html`<p class="error" role="alert">${problem.message}</p>` : nothing}
    </div>`;
  }

  #renderProgress(run: Run): TemplateResult {
    const { studio } = this;
    const before = studio.active.indexOf(run);
    const waiting = run.state === 'waiting';
    const node = run.node && run.graph[run.node];
    const label = waiting
      ? before > 0
        ? `${before} ${before === 1 ? 'run' : 'runs'} before this one`
        : 'Waiting to start'
      : ((node && (node._meta?.title ?? node.class_type)) ?? 'Starting');
    return html`<pez-progress class="progress" label=${label} .value=${run.value} .max=${run.max} .startedAt=${run.nodeStartedAt}
      .now=${Date.now()} ?waiting=${waiting} @pez-interrupt=${() => studio.stop(run)}></pez-progress>`;
  }

  /** One button stands out: to draw, where the words have changed since they were drawn; otherwise the task's own. */
  #renderButtons(isRunning: boolean): TemplateResult {
    const { studio } = this;
    const { task, state, pictureRun } = studio;
    const isWritten = task.input === 'words';
    const isFound = state.words.length > 0 && !isWritten;
    const isChanged = isFound && textOf(state.words) !== (pictureRun && textOf(wordsOf(promptOf(pictureRun))));
    const verb = isRunning ? 'Queue another' : isFound ? `${task.verb} again` : task.verb;
    return html`<div class="press">
      <button class="button ${isRunning || isChanged ? 'big' : 'primary'}" ?disabled=${isWritten && state.words.length === 0}
        @click=${() => studio.run()}>${verb}</button>
      ${
        isFound
          ? html`<button class="button ${isChanged && !isRunning ? 'primary' : 'big'}" @click=${() => studio.draw()}>${icon('draw')} Draw these words</button>`
          : nothing
      }
    </div>`;
  }

  #renderErrors(): TemplateResult | typeof nothing {
    const { problems, notice, graph } = this.studio;
    const elsewhere = problems.filter(
      ({ nodeId, input }) => input === undefined && graph[nodeId]?.class_type !== 'LoadImage',
    );
    if (elsewhere.length === 0 && !notice) return nothing;
    return html`<div class="alert" role="alert">
      ${elsewhere.map(({ nodeId, message }) => html`<p><b>${graph[nodeId]?._meta?.title ?? ''}</b> ${message}</p>`)}
      ${notice ? html`<p>${notice}</p>` : nothing}
    </div>`;
  }

  #renderSearch(run: Run | undefined, live: boolean): TemplateResult | typeof nothing {
    const { studio } = this;
    if (!run || run.task !== studio.task.id) return nothing;
    const course = courseOf(run);
    const candidates = candidatesOf(run);
    const total = live ? run.max : 0;
    if (course.steps.length < 2 && !live) return nothing;
    return html`
      <h2>The search</h2>
      <pez-search-plot ?live=${live} .course=${course} .total=${total}></pez-search-plot>
      ${
        candidates.length > 1
          ? html`<h2>Prompts it found</h2>
            <pez-candidates ?drawable=${studio.task.draws} .candidates=${candidates} .chosen=${textOf(studio.state.words)}
              @pez-choose=${(event: CustomEvent<{ index: number }>) => studio.choose(candidates[event.detail.index].prompt)}
              @pez-draw=${(event: CustomEvent<{ index: number }>) => {
                studio.choose(candidates[event.detail.index].prompt);
                void studio.draw();
              }}></pez-candidates>`
          : nothing
      }`;
  }

  #onEdited(event: SubmitEvent): void {
    event.preventDefault();
    const text = String(new FormData(event.target as HTMLFormElement).get('prompt') ?? '').trim();
    this.editing = false;
    this.studio.setText(text);
  }

  #onEditorKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.editing = false;
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    (event.target as HTMLTextAreaElement).form?.requestSubmit();
  }

  async #copy(): Promise<void> {
    this.said = (await copyText(textOf(this.studio.state.words)))
      ? 'Copied'
      : 'The browser does not let this page copy.';
    setTimeout(() => (this.said = ''), 2500);
  }
}

/** What the task's search can be told about words: PEZ Invert keeps some and shuns some, Distil Prompt shuns some. */
const actionsOf = (template: ApiGraph): ('pin' | 'block')[] => {
  const has = (type: string) => Object.values(template).some((node) => node.class_type === type);
  if (has('TokenSwap')) return [];
  return has('PEZInvert') ? ['pin', 'block'] : has('DistilPrompt') ? ['block'] : [];
};

const headingOf = (input: string): string =>
  ({
    one: 'Its words',
    several: 'What they share',
    two: 'Words for both',
    text: 'In a few words',
    words: 'Your prompt',
  })[input] ?? 'Words';

customElements.define('studio-words', StudioWords);
