// Two pictures of one size, one over the other, with a slider between them.
import { css, html, LitElement, type TemplateResult } from 'lit';
import { cssVars } from './css-vars.ts';
import { theme } from './theme.ts';

export class PezCompare extends LitElement {
  static override properties = {
    source: {},
    result: {},
    sourceLabel: { attribute: 'source-label' },
    resultLabel: { attribute: 'result-label' },
    position: { type: Number },
  };
  static override styles = [
    theme,
    css`
      .frame {
        position: relative;
        aspect-ratio: 1;
        overflow: hidden;
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--sunken);
      }
      img {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        object-fit: contain;
      }
      .over {
        clip-path: inset(0 0 0 calc(var(--at) * 1%));
        background: var(--sunken);
      }
      .line {
        position: absolute;
        top: 0;
        bottom: 0;
        left: calc(var(--at) * 1%);
        width: 2px;
        margin-left: -1px;
        background: #fff;
        box-shadow: 0 0 0 1px rgb(0 0 0 / 0.35);
        pointer-events: none;
      }
      .line::after {
        content: '';
        position: absolute;
        top: 50%;
        left: 50%;
        width: 34px;
        height: 34px;
        margin: -17px;
        border-radius: 50%;
        background: #fff
          linear-gradient(90deg, #555 0 2px, transparent 2px 6px, #555 6px 8px) center / 8px 12px no-repeat;
        box-shadow: 0 1px 4px rgb(0 0 0 / 0.4);
      }
      input {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        margin: 0;
        opacity: 0;
        cursor: ew-resize;
        touch-action: pan-y;
      }
      .frame:has(input:focus-visible) {
        outline: 2px solid var(--accent);
        outline-offset: 2px;
      }
      .labels {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        margin-top: 7px;
        color: var(--soft);
        font-size: 13px;
      }
      .labels span:last-child {
        text-align: right;
      }
    `,
  ];
  /** URLs of the pictures. */
  declare source: string;
  declare result: string;
  declare sourceLabel: string;
  declare resultLabel: string;
  /** 0: only the second picture, 100: only the first. */
  declare position: number;

  constructor() {
    super();
    this.source = '';
    this.result = '';
    this.sourceLabel = 'Source';
    this.resultLabel = 'Result';
    this.position = 50;
  }

  protected override render(): TemplateResult {
    const { source, result, sourceLabel, resultLabel, position } = this;
    return html`<div class="frame" ${cssVars({ '--at': position })}>
        <img src=${source} alt=${sourceLabel}>
        <img class="over" src=${result} alt=${resultLabel}>
        <span class="line"></span>
        <input type="range" min="0" max="100" .value=${String(position)} aria-label="Where the two pictures meet"
          aria-valuetext=${`${Math.round(position)} % ${sourceLabel}`} @input=${this.#onInput}>
      </div>
      <div class="labels" aria-hidden="true"><span>${sourceLabel}</span><span>${resultLabel}</span></div>`;
  }

  #onInput(event: InputEvent): void {
    this.position = Number((event.target as HTMLInputElement).value);
    this.dispatchEvent(
      new CustomEvent('pez-position', { detail: { position: this.position }, bubbles: true, composed: true }),
    );
  }
}

customElements.define('pez-compare', PezCompare);
