// The course of a search: similarity over steps, the best so far bold, restarts as faint lines; it may still be running.
import { css, html, LitElement, nothing, svg, type TemplateResult } from 'lit';
import type { SearchCourse } from './data.ts';
import { theme } from './theme.ts';

const WIDTH = 600;
const HEIGHT = 160;
/** More lines than this are a grey area. */
const MAX_LINES = 32;

export class PezSearchPlot extends LitElement {
  static override properties = { course: { attribute: false }, total: { type: Number }, live: { type: Boolean } };
  static override styles = [
    theme,
    css`
      figure {
        margin: 0;
      }
      .chart {
        position: relative;
        height: 132px;
        margin-left: 38px;
      }
      svg.lines {
        position: absolute;
        inset: 0;
        width: 100%;
        height: 100%;
        overflow: visible;
        fill: none;
      }
      path {
        vector-effect: non-scaling-stroke;
        stroke-linejoin: round;
      }
      .grid {
        stroke: var(--line);
        stroke-width: 1;
      }
      .restart {
        stroke: var(--edge);
        stroke-width: 1;
        opacity: 0.4;
      }
      .best {
        stroke: var(--accent);
        stroke-width: 2;
      }
      .y {
        position: absolute;
        left: -38px;
        line-height: 1;
      }
      .y,
      figcaption {
        color: var(--soft);
        font-size: 12px;
        font-variant-numeric: tabular-nums;
      }
      .y.top {
        top: -3px;
      }
      .y.bottom {
        bottom: -5px;
      }
      figcaption {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        margin: 8px 0 0 38px;
      }
      b {
        color: var(--ink);
        font-weight: 600;
      }
      .empty {
        display: grid;
        place-items: center;
        height: 100%;
        color: var(--soft);
      }
    `,
  ];
  declare course: SearchCourse;
  /** Steps that the whole search may take; by default those that it took. */
  declare total: number;
  declare live: boolean;

  constructor() {
    super();
    this.course = { steps: [], best: [] };
    this.total = 0;
    this.live = false;
  }

  protected override render(): TemplateResult {
    const { steps, best, similarities = [] } = this.course;
    if (steps.length < 2)
      return html`<figure><div class="chart"><div class="empty">${this.live ? 'The search begins …' : 'No search yet'}</div></div></figure>`;
    const scale = scaleOf(this.course, this.total);
    const last = best.at(-1) ?? 0;
    const label = `Similarity ${this.live ? 'so far' : 'rose'} from ${best[0].toFixed(3)} to ${last.toFixed(3)} in ${steps.at(-1)} steps`;
    return html`<figure>
      <div class="chart" role="img" aria-label=${label}>
        <svg class="lines" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
          ${svg`<path class="grid" d="M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}"/>`}
          ${restartLines(steps, similarities, scale).map((d) => svg`<path class="restart" d=${d}/>`)}
          ${svg`<path class="best" d=${pathOf(steps, best, scale)}/>`}
        </svg>
        <span class="y top" aria-hidden="true">${scale.high.toFixed(2)}</span>
        <span class="y bottom" aria-hidden="true">${scale.low.toFixed(2)}</span>
      </div>
      <figcaption><span>step ${steps[0]}</span>
        <span>${this.live ? nothing : html`best `}<b>${last.toFixed(3)}</b> ${this.live ? html`at step` : 'after'} ${steps.at(-1)}${this.live ? '' : ' steps'}</span>
      </figcaption>
    </figure>`;
  }
}

interface Scale {
  readonly low: number;
  readonly high: number;
  x(step: number): number;
  y(similarity: number): number;
}

function scaleOf({ steps, best, similarities = [] }: SearchCourse, total: number): Scale {
  const values = [...best, ...similarities.flat()].filter(Number.isFinite);
  const low = Math.floor(values.reduce((a, b) => Math.min(a, b), 1) * 20) / 20;
  const high = Math.max(low + 0.05, Math.ceil(values.reduce((a, b) => Math.max(a, b), -1) * 20) / 20);
  const [first] = steps;
  const end = Math.max(total, steps.at(-1) ?? 0, first + 1);
  return {
    low,
    high,
    x: (step) => ((step - first) / (end - first)) * WIDTH,
    y: (similarity) => HEIGHT - ((similarity - low) / (high - low)) * HEIGHT,
  };
}

const pathOf = (steps: readonly number[], values: readonly (number | undefined)[], scale: Scale): string =>
  values
    .flatMap((value, i) =>
      value === undefined || !Number.isFinite(value)
        ? []
        : `${scale.x(steps[i]).toFixed(1)} ${scale.y(value).toFixed(1)}`,
    )
    .map((point, i) => `${i === 0 ? 'M' : 'L'}${point}`)
    .join('');

/** Searches are told apart by their rank: the worse half is dropped on the way, so a place in the list has no owner. */
function restartLines(steps: readonly number[], similarities: readonly (readonly number[])[], scale: Scale): string[] {
  const sorted = similarities.map((row) => [...row].sort((a, b) => b - a));
  const lines = Math.min(MAX_LINES, Math.max(0, ...sorted.map((row) => row.length)));
  return Array.from({ length: lines }, (_, rank) =>
    pathOf(
      steps,
      sorted.map((row) => row[rank]),
      scale,
    ),
  );
}

customElements.define('pez-search-plot', PezSearchPlot);
