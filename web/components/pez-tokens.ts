// Words of a prompt as chips: what each carries, as shade; select, swap, remove, pin, block and reorder them.
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { cssVars } from './css-vars.ts';
import type { PromptWord, Suggestion } from './data.ts';
import { icon } from './icons.ts';
import { tokensStyle } from './pez-tokens.style.ts';
import { buttons, fields, theme } from './theme.ts';
import { startDrag } from './token-drag.ts';

/** Events, each with the index of a word: pez-select (-1: none), pez-remove, pez-pin, pez-block, pez-move, pez-swap, pez-add. */
export interface TokenEvents {
  'pez-select': CustomEvent<{ index: number }>;
  'pez-remove': CustomEvent<{ index: number }>;
  'pez-pin': CustomEvent<{ index: number }>;
  'pez-block': CustomEvent<{ index: number }>;
  'pez-move': CustomEvent<{ from: number; to: number }>;
  'pez-swap': CustomEvent<{ index: number; text: string }>;
  'pez-add': CustomEvent<{ text: string }>;
}

/** Longer prompts are set smaller. */
const MANY = 14;

export class PezTokens extends LitElement {
  static override properties = {
    words: { attribute: false },
    selected: { type: Number },
    suggestions: { attribute: false },
    actions: { attribute: false },
    readonly: { type: Boolean },
    live: { type: Boolean },
    label: {},
    placeholder: {},
  };
  static override styles = [theme, buttons, fields, tokensStyle];

  declare words: readonly PromptWord[];
  /** Index of the word whose actions are shown; -1 for none. */
  declare selected: number;
  /** For the selected word: undefined while they are looked up, null if there are none to look up. */
  declare suggestions: readonly Suggestion[] | null | undefined;
  /** What a search can be told about a word, where there is a search. */
  declare actions: readonly ('pin' | 'block')[];
  declare readonly: boolean;
  /** The words still change: a search is running. */
  declare live: boolean;
  /** What a screen reader calls the list. */
  declare label: string;
  /** Of the field for replacements. */
  declare placeholder: string;
  #focused = 0;
  /** The focus was on a word whose place or neighbours change: it goes back there. */
  #hadFocus = false;
  /** A word was opened by key: the field for its replacement takes the focus once it is there. */
  #intoField = false;
  #said = '';

  constructor() {
    super();
    this.words = [];
    this.selected = -1;
    this.suggestions = null;
    this.actions = ['pin', 'block'];
    this.readonly = false;
    this.live = false;
    this.label = 'Prompt';
    this.placeholder = 'Another word, or several: tiger, Paris';
  }

  protected override willUpdate(): void {
    this.#focused = Math.max(0, Math.min(this.#focused, this.words.length - 1));
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('words')) {
      if (this.#hadFocus) this.#chip(this.#focused)?.focus();
      this.#hadFocus = false;
    }
    const field = this.#intoField && this.renderRoot.querySelector<HTMLInputElement>('#to');
    if (!field) return;
    this.#intoField = false;
    field.focus();
  }

  protected override render(): TemplateResult {
    const strongest = Math.max(0.01, ...this.words.map((word) => word.contribution ?? 0));
    const { words, readonly } = this;
    return html`
      <div class="flow"><ul class="words ${this.live ? 'live' : ''} ${words.length > MANY ? 'many' : ''}" role="listbox" aria-label=${this.label} aria-orientation="horizontal"
        aria-describedby="keys" @keydown=${this.#onKey}>
        ${words.map((word, i) => this.#renderWord(word, i, strongest))}
      </ul>
      ${
        readonly
          ? nothing
          : html`<form class="add" @submit=${this.#onAdd}>
        <label><span class="visually-hidden">Add words to the end</span>
          <input name="text" placeholder="+ add a word" autocomplete="off" maxlength="200"></label></form>`
      }</div>
      <p id="keys" class="visually-hidden">${
        readonly
          ? 'Arrow keys move.'
          : `Arrow keys move, Enter opens a word, Delete removes it, ${this.actions.map((action) => `${action === 'pin' ? 'P pins' : 'B blocks'} it, `).join('')}Alt with an arrow key moves it.`
      }</p>
      <p class="visually-hidden" role="status">${this.#said}</p>
      ${!readonly && words[this.selected] ? this.#renderActions(words[this.selected], this.selected) : nothing}
    `;
  }

  #renderWord(word: PromptWord, index: number, strongest: number): TemplateResult {
    const { contribution, pinned = false, text, tokens = [] } = word;
    const share = Math.max(0, Math.min(1, (contribution ?? 0) / strongest));
    const classes = ['word', pinned && 'pinned', (contribution ?? 0) < -0.0005 && 'against'].filter(Boolean).join(' ');
    const pieces = tokens.length > 1 && tokens.join('') === text ? tokens : [text];
    return html`<li
      class=${classes}
      role="option"
      aria-selected=${index === this.selected}
      aria-label=${describeWord(word)}
      title=${contribution === undefined ? text : `${text} carries ${contribution.toFixed(3)}`}
      tabindex=${index === this.#focused ? 0 : -1}
      ${cssVars({ '--share': share.toFixed(3) })}
      @click=${() => this.#onClick(index)}
      @focus=${() => this.#onFocus(index)}
      @pointerdown=${(event: PointerEvent) => this.#onPointerDown(event, index)}
    >${pinned ? icon('pin') : nothing}${pieces.map((piece) => html`<span class="piece">${piece}</span>`)}</li>`;
  }

  #renderActions(word: PromptWord, index: number): TemplateResult {
    const { contribution, pinned = false } = word;
    return html`<section class="actions" aria-label=${`The word ${word.text}`} @keydown=${this.#onActionKey}>
      <header>
        <strong>${word.text}</strong>
        <span class="carries">${contribution === undefined ? '' : `carries ${contribution.toFixed(3)}`}</span>
        <span class="buttons">
          ${this.actions.includes('pin') ? this.#action(pinned ? 'Unpin' : 'Pin', 'pin', () => this.#emit('pez-pin', { index }), pinned) : nothing}
          ${this.actions.includes('block') ? this.#action('Block', 'block', () => this.#emit('pez-block', { index })) : nothing}
          ${this.#action('Remove', 'trash', () => this.#emit('pez-remove', { index }))}
          <button class="button quiet square" aria-label="Move left" title="Move left" ?disabled=${index === 0}
            @click=${() => this.#move(index, index - 1)}>${icon('left')}</button>
          <button class="button quiet square" aria-label="Move right" title="Move right" ?disabled=${index === this.words.length - 1}
            @click=${() => this.#move(index, index + 1)}>${icon('right')}</button>
        </span>
        <button class="button quiet square close" aria-label="Close" title="Close" @click=${() => this.#select(-1)}>${icon('close')}</button>
      </header>
      <form class="swap" @submit=${(event: SubmitEvent) => this.#onSwap(event, index)}>
        <label class="visually-hidden" for="to">Replace ${word.text} with</label>
        <input class="field" id="to" name="text" autocomplete="off" maxlength="500" placeholder=${this.placeholder}>
        <button class="button">Swap</button>
      </form>
      ${this.#renderSuggestions(index)}
    </section>`;
  }

  #renderSuggestions(index: number): TemplateResult | typeof nothing {
    const { suggestions } = this;
    if (suggestions === null) return nothing;
    if (suggestions === undefined) return html`<p class="hint" role="status">Looking for near words …</p>`;
    return html`<div class="near" role="group" aria-label="Nearest words, with the change of similarity">
      ${suggestions.map(
        ({
          word,
          change,
        }) => html`<button class="suggestion" @click=${() => this.#emit('pez-swap', { index, text: word })}>
          <span>${word}</span><small class=${change >= 0 ? 'up' : 'down'}>${signed(change)}</small></button>`,
      )}
    </div>`;
  }

  #action(name: string, of: 'pin' | 'block' | 'trash', act: () => void, pressed = false): TemplateResult {
    return html`<button class="button quiet ${pressed ? 'on' : ''}" @click=${act}>${icon(of)} ${name}</button>`;
  }

  #chip(index: number): HTMLElement | null | undefined {
    return this.renderRoot.querySelectorAll<HTMLElement>('[role=option]')[index];
  }

  #onFocus(index: number): void {
    if (this.#focused === index) return;
    this.#focused = index;
    this.requestUpdate();
  }

  #onClick(index: number): void {
    if (!this.readonly) this.#select(index === this.selected ? -1 : index);
  }

  #onPointerDown(event: PointerEvent, index: number): void {
    if (this.readonly) return;
    startDrag(event, {
      chips: [...this.renderRoot.querySelectorAll<HTMLElement>('[role=option]')],
      from: index,
      drop: (to) => this.#move(index, to),
    });
  }

  #onKey(event: KeyboardEvent): void {
    const at = this.#focused;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.altKey && step) this.readonly || this.#move(at, at + step);
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (step) this.#chip(at + step)?.focus();
    else if (event.key === 'Home') this.#chip(0)?.focus();
    else if (event.key === 'End') this.#chip(this.words.length - 1)?.focus();
    else if (this.readonly) return;
    else if (event.key === 'Enter' || event.key === ' ') this.#select(at === this.selected ? -1 : at, true);
    else if (event.key === 'Escape') this.#select(-1);
    else if (event.key === 'Delete' || event.key === 'Backspace') this.#act('pez-remove', at, 'removed');
    else if (event.key.toLowerCase() === 'p') this.#act('pez-pin', at, this.words[at]?.pinned ? 'unpinned' : 'pinned');
    else if (event.key.toLowerCase() === 'b') this.#act('pez-block', at, 'blocked');
    else return;
    event.preventDefault();
  }

  #onActionKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    const chip = this.#chip(this.selected);
    this.#select(-1);
    chip?.focus();
  }

  #act(type: 'pez-remove' | 'pez-pin' | 'pez-block', index: number, done: string): void {
    const isOffered = type === 'pez-remove' || this.actions.some((action) => type === `pez-${action}`);
    if (!this.words[index] || !isOffered) return;
    this.#hadFocus = true;
    this.#say(`${this.words[index].text} ${done}`);
    this.#emit(type, { index });
  }

  #move(from: number, to: number): void {
    if (to < 0 || to >= this.words.length || to === from) return;
    this.#hadFocus = this.shadowRoot?.activeElement?.getAttribute('role') === 'option';
    this.#focused = to;
    this.#say(`${this.words[from].text} is now word ${to + 1} of ${this.words.length}`);
    this.#emit('pez-move', { from, to });
  }

  #select(index: number, intoField = false): void {
    this.#intoField = index >= 0 && intoField;
    this.#emit('pez-select', { index });
  }

  #onSwap(event: SubmitEvent, index: number): void {
    event.preventDefault();
    const text = textOf(event);
    if (text) this.#emit('pez-swap', { index, text });
  }

  #onAdd(event: SubmitEvent): void {
    event.preventDefault();
    const text = textOf(event);
    (event.target as HTMLFormElement).reset();
    if (text) this.#emit('pez-add', { text });
  }

  #say(text: string): void {
    this.#said = text;
    this.requestUpdate();
  }

  #emit(type: keyof TokenEvents, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

const textOf = (event: SubmitEvent): string =>
  String(new FormData(event.target as HTMLFormElement).get('text') ?? '').trim();

const signed = (change: number): string => `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(3)}`;

function describeWord({ text, contribution, pinned }: PromptWord): string {
  const carries = contribution === undefined ? '' : `, carries ${contribution.toFixed(3)}`;
  return `${text}${carries}${pinned ? ', pinned' : ''}`;
}

customElements.define('pez-tokens', PezTokens);
