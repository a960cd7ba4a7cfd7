// The graph that a task runs, as a small drawing that cannot be edited here; the node that runs is marked.
import { css, html, nothing, svg, type TemplateResult } from 'lit';
import { icon } from '../../components/icons.ts';
import { buttons, theme } from '../../components/theme.ts';
import { drawGraph, NODE } from '../graph/drawing.ts';
import { StudioElement } from './element.ts';
import { saveText } from './save-file.ts';

export class StudioGraph extends StudioElement {
  static override properties = { ...StudioElement.properties, isOpen: { state: true }, editor: { state: true } };
  static override styles = [
    theme,
    buttons,
    css`
      details {
        border-top: 1px solid var(--line);
      }
      summary {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 14px 0;
        color: var(--soft);
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary:hover {
        color: var(--ink);
      }
      .scroll {
        overflow-x: auto;
        padding: 4px 2px 14px;
      }
      svg.drawing {
        display: block;
        max-height: 380px;
      }
      .drawing rect {
        fill: var(--surface);
        stroke: var(--line);
      }
      .drawing .running rect {
        fill: var(--wash);
        stroke: var(--accent);
        stroke-width: 2;
      }
      text {
        fill: var(--ink);
        font: 500 12px var(--sans);
      }
      .drawing path {
        fill: none;
        stroke: var(--edge);
        opacity: 0.55;
      }
      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 12px;
        padding-bottom: 18px;
      }
      .row p {
        margin: 0;
        color: var(--soft);
      }
      code {
        font: 12px ui-monospace, monospace;
      }
    `,
  ];
  declare isOpen: boolean;
  /** Whether a graph editor is served at `/`; undefined while that is not known. */
  declare editor: boolean | undefined;

  protected override render(): TemplateResult | typeof nothing {
    if (!this.studio?.ready) return nothing;
    return html`<details @toggle=${this.#onToggle}>
      <summary>${icon('graph')} The graph behind this</summary>
      ${this.isOpen ? this.#renderGraph() : nothing}
    </details>`;
  }

  #renderGraph(): TemplateResult {
    const { graph, task, active } = this.studio;
    const { width, height, nodes, links } = drawGraph(graph);
    const running = active.find((run) => run.state === 'running')?.node;
    return html`<div class="scroll" tabindex="0" role="group" aria-label="Drawing of the graph">
        <svg class="drawing" width=${width + 4} height=${height + 4} viewBox="-2 -2 ${width + 4} ${height + 4}" role="img"
          aria-label=${`The graph of ${task.title}: ${nodes.map(({ title }) => title).join(', ')}`}>
          ${links.map((d) => svg`<path d=${d} />`)}
          ${nodes.map(
            ({ id, title, x, y }) => svg`<g class=${id === running ? 'running' : ''}>
              <rect x=${x} y=${y} width=${NODE.width} height=${NODE.height} rx="8" />
              <text x=${x + 11} y=${y + 21}>${shorten(title)}</text></g>`,
          )}
        </svg>
      </div>
      <div class="row">
        ${
          this.editor
            ? html`<a class="button" href=${`/?template=${encodeURIComponent(task.template)}`} target="_blank" rel="noopener">Open in the graph editor</a>`
            : nothing
        }
        <button class="button" @click=${this.#save}>${icon('download')} Save the graph</button>
        ${
          this.editor === false
            ? html`<p>For a graph editor: <code>pez-nodes front-end install</code>, then <code>pez-nodes serve --front-end</code>; it opens the saved graph.</p>`
            : nothing
        }
      </div>`;
  }

  #onToggle(event: Event): void {
    this.isOpen = (event.target as HTMLDetailsElement).open;
    if (this.isOpen && this.editor === undefined) void this.#lookForEditor();
  }

  /** At `/` stands either a graph editor or this page. */
  async #lookForEditor(): Promise<void> {
    const page = await fetch('/').then(
      (response) => response.text(),
      () => '',
    );
    this.editor = page !== '' && !page.includes('<pez-studio>');
  }

  #save(): void {
    saveText(`${this.studio.task.template}.json`, JSON.stringify(this.studio.graph, undefined, 2), 'application/json');
  }
}

const shorten = (title: string): string => (title.length > 21 ? `${title.slice(0, 20)}…` : title);

customElements.define('studio-graph', StudioGraph);
