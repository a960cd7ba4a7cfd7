// A run that is waiting or going on: what it does, how far it is, how long it will take, the best prompt so far; it can be stopped.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { cssVars } from './css-vars.ts';
import { icon } from './icons.ts';
import { buttons, theme } from './theme.ts';

/** Event: `pez-interrupt`. */
export class PezProgress extends LitElement {
  static override properties = {
    label: {},
    value: { type: Number },
    max: { type: Number },
    startedAt: { type: Number, attribute: 'started-at' },
    now: { type: Number },
    detail: {},
    preview: {},
    waiting: { type: Boolean },
  };
  static override styles = [
    theme,
    buttons,
    css`
      .row {
        display: flex;
        align-items: center;
        gap: 12px;
        min-height: 44px;
      }
      .text {
        flex: 1;
        min-width: 0;
      }
      .head {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 0 12px;
      }
      .label {
        font-weight: 500;
      }
      .left {
        color: var(--soft);
        font-variant-numeric: tabular-nums;
      }
      .bar {
        height: 6px;
        margin-top: 7px;
        overflow: hidden;
        border-radius: 3px;
        background: var(--line);
      }
      .bar i {
        display: block;
        width: 100%;
        height: 100%;
        border-radius: 3px;
        background: var(--accent);
        transform: scaleX(var(--done));
        transform-origin: left;
        transition: transform 0.15s linear;
      }
      .bar.unknown i {
        width: 30%;
        transform: none;
        animation: pass 1.4s ease-in-out infinite alternate;
      }
      @keyframes pass {
        to {
          transform: translateX(233%);
        }
      }
      .detail {
        margin: 6px 0 0;
        color: var(--soft);
        font: 450 16px/1.4 var(--serif);
      }
      img {
        width: 56px;
        height: 56px;
        border-radius: 8px;
        object-fit: cover;
        image-rendering: pixelated;
      }
    `,
  ];
  declare label: string;
  /** Steps done, of `max`; max 0: not known. */
  declare value: number;
  declare max: number;
  /** When this part began, ms since 1970; 0 if unknown. */
  declare startedAt: number;
  /** The time, ms since 1970: from outside, so that a story and a test look the same every time. */
  declare now: number;
  /** E.g. the best prompt so far. */
  declare detail: string;
  /** URL of a preview. */
  declare preview: string;
  /** It has not begun. */
  declare waiting: boolean;

  constructor() {
    super();
    this.label = '';
    this.value = 0;
    this.max = 0;
    this.startedAt = 0;
    this.now = 0;
    this.detail = '';
    this.preview = '';
    this.waiting = false;
  }

  protected override render(): TemplateResult {
    const { value, max, label, detail, preview, waiting } = this;
    const known = max > 0 && !waiting;
    const done = known ? Math.min(1, value / max) : 0;
    return html`<div class="row">
        ${preview ? html`<img src=${preview} alt="Preview">` : nothing}
        <div class="text">
          <div class="head"><span class="label">${label}</span><span class="left">${this.#timeLeft(done)}</span></div>
          <div class="bar ${known ? '' : 'unknown'}" role="progressbar" aria-label=${label || 'Progress'}
            aria-valuemin=${known ? 0 : nothing} aria-valuemax=${known ? max : nothing} aria-valuenow=${known ? value : nothing}
            ><i ${cssVars({ '--done': done.toFixed(4) })}></i></div>
        </div>
        <button class="button" @click=${this.#interrupt}>${icon('stop')} ${waiting ? 'Cancel' : 'Stop'}</button>
      </div>
      ${detail ? html`<p class="detail">${detail}</p>` : nothing}`;
  }

  #timeLeft(done: number): string {
    const passed = this.now - this.startedAt;
    if (done <= 0.02 || done >= 1 || this.startedAt === 0 || passed < 300) return '';
    return `${duration((passed / done) * (1 - done))} left`;
  }

  #interrupt(): void {
    this.dispatchEvent(new CustomEvent('pez-interrupt', { bubbles: true, composed: true }));
  }
}

/** ms → `3 s`, `2 min 10 s`, `1 h 5 min`. */
export function duration(ms: number): string {
  const s = Math.max(1, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

customElements.define('pez-progress', PezProgress);
