// The best prompts of a search, best first: choose one, or have it drawn.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { cssVars } from './css-vars.ts';
import type { Candidate } from './data.ts';
import { icon } from './icons.ts';
import { buttons, theme } from './theme.ts';

/** Events: `pez-choose` and `pez-draw`, both with `{ index }`. */
export class PezCandidates extends LitElement {
  static override properties = {
    candidates: { attribute: false },
    chosen: {},
    drawable: { type: Boolean },
    label: {},
  };
  static override styles = [
    theme,
    buttons,
    css`
      ol {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: 4px;
        border-top: 1px solid var(--line);
      }
      li:first-child {
        border-top: 0;
      }
      .choose {
        flex: 1;
        display: grid;
        grid-template-columns: 46px minmax(0, 1fr);
        align-items: baseline;
        gap: 10px;
        min-width: 0;
        min-height: 44px;
        padding: 8px 10px;
        border: 0;
        border-radius: 9px;
        background: none;
        text-align: left;
      }
      .choose:hover {
        background: var(--sunken);
      }
      .choose[aria-pressed='true'] {
        background: var(--wash);
      }
      .prompt {
        font: 450 17px/1.35 var(--serif);
      }
      .similarity {
        color: var(--soft);
        font-size: 13px;
        font-variant-numeric: tabular-nums;
      }
      .bar {
        display: block;
        height: 3px;
        margin-top: 3px;
        border-radius: 2px;
        background: linear-gradient(var(--accent) 0 0) 0 / calc(var(--share) * 100%) no-repeat var(--line);
      }
      img {
        width: 44px;
        height: 44px;
        border-radius: 7px;
        object-fit: cover;
      }
    `,
  ];
  declare candidates: readonly Candidate[];
  /** The prompt that is in use. */
  declare chosen: string;
  /** Offer to draw each of them. */
  declare drawable: boolean;
  declare label: string;

  constructor() {
    super();
    this.candidates = [];
    this.chosen = '';
    this.drawable = false;
    this.label = 'Candidates';
  }

  protected override render(): TemplateResult {
    return html`<ol aria-label=${this.label}>${this.candidates.map((candidate, index) => this.#renderOne(candidate, index))}</ol>`;
  }

  #renderOne({ prompt, similarity, image }: Candidate, index: number): TemplateResult {
    return html`<li>
      <button class="choose" aria-pressed=${prompt === this.chosen} @click=${() => this.#emit('pez-choose', index)}>
        <span class="similarity">${similarity.toFixed(3)}<i class="bar" ${cssVars({ '--share': Math.max(0, Math.min(1, similarity)) })}></i></span>
        <span class="prompt">${prompt}</span>
      </button>
      ${image ? html`<img src=${image} alt=${`Drawn from: ${prompt}`} loading="lazy">` : nothing}
      ${
        this.drawable
          ? html`<button class="button quiet square" aria-label=${`Draw: ${prompt}`} title="Draw it" @click=${() => this.#emit('pez-draw', index)}>${icon('draw')}</button>`
          : nothing
      }
    </li>`;
  }

  #emit(type: 'pez-choose' | 'pez-draw', index: number): void {
    this.dispatchEvent(new CustomEvent(type, { detail: { index }, bubbles: true, composed: true }));
  }
}

customElements.define('pez-candidates', PezCandidates);
