// What opens from the header: the models that are used, and the queue.
import { css, html, nothing, type TemplateResult } from 'lit';
import { icon } from '../../components/icons.ts';
import { buttons, fields, theme } from '../../components/theme.ts';
import { type OfferedModel, sizeInWords } from '../state/models.ts';
import { promptOf, type Run } from '../state/run.ts';
import { taskOf } from '../tasks.ts';
import { StudioElement } from './element.ts';

export class StudioPanels extends StudioElement {
  static override styles = [
    theme,
    buttons,
    fields,
    css`
      :host {
        display: flex;
        gap: 4px;
      }
      [popover] {
        position: fixed;
        inset: 60px 20px auto auto;
        width: min(calc(100vw - 32px), 360px);
        max-height: calc(100vh - 90px);
        margin: 0;
        padding: 18px 20px;
        overflow: auto;
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--surface);
        color: var(--ink);
        box-shadow: 0 12px 36px rgb(0 0 0 / 0.16);
      }
      h2 {
        margin: 0 0 8px;
        font-size: 14px;
        font-weight: 600;
      }
      h2 + p {
        margin-top: 0;
      }
      p {
        margin: 6px 0 16px;
        color: var(--soft);
        font-size: 13px;
      }
      p:last-child {
        margin-bottom: 0;
      }
      code {
        font: 12px ui-monospace, monospace;
        overflow-wrap: anywhere;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: 10px;
        padding: 8px 0;
        border-top: 1px solid var(--line);
      }
      li:first-child {
        border: 0;
      }
      li span {
        flex: 1;
        min-width: 0;
      }
      small {
        display: block;
        color: var(--soft);
        font-size: 13px;
      }
      .dot {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--edge);
      }
      .dot.on {
        background: var(--accent);
      }
      @media (max-width: 560px) {
        .name {
          display: none;
        }
        [popover] {
          right: 16px;
        }
      }
    `,
  ];

  protected override render(): TemplateResult {
    const { active, connection, models, document, context } = this.studio;
    const running = active.length;
    const state =
      connection === 'lost' ? 'No connection' : running === 0 ? 'Idle' : `${running} ${running === 1 ? 'run' : 'runs'}`;
    const clip = document.clip || firstName(models.clips) || 'Models';
    return html`
      <button class="button quiet" popovertarget="queue"><i class="dot ${running > 0 ? 'on' : ''}"></i><span role="status">${state}</span></button>
      <button class="button quiet" popovertarget="models" title="The models in use">${icon('model')}<span class="name">${clip}</span><span class="visually-hidden">Models</span></button>
      <div popover id="queue" role="dialog" aria-label="Queue"><h2>Queue</h2>${this.#renderQueue(active)}</div>
      <div popover id="models" role="dialog" aria-label="Models">
        ${this.#renderModels('clip', 'CLIP: it judges words', models.clips, document.clip || nameIn(context.template, 'CLIPLoader', 'clip_name'))}
        ${this.#renderModels('checkpoint', 'Checkpoint: it draws', models.checkpoints, document.checkpoint || nameIn(context.drawTemplate, 'CheckpointLoaderSimple', 'ckpt_name'))}
      </div>`;
  }

  #renderQueue(active: readonly Run[]): TemplateResult {
    if (active.length === 0)
      return html`<p>Nothing waits or runs. You may press the button several times: the runs wait for each other.</p>`;
    return html`<ul>${active.map(
      (run) => html`<li><span>${run.task ? taskOf(run.task).title : 'Graph'}
          <small>${run.state === 'waiting' ? 'Waiting' : run.prompt || promptOf(run) || 'Running'}</small></span>
        <button class="button" @click=${() => this.studio.stop(run)}>${run.state === 'waiting' ? 'Cancel' : 'Stop'}</button></li>`,
    )}</ul>`;
  }

  #renderModels(
    kind: 'clip' | 'checkpoint',
    title: string,
    offered: readonly OfferedModel[],
    chosen: string,
  ): TemplateResult {
    const folder = this.studio.models.folders[kind === 'clip' ? 'clip' : 'checkpoints']?.[0];
    const isMissing = chosen !== '' && offered.length > 0 && !offered.some(({ name }) => name === chosen);
    return html`<h2 id=${`${kind}-title`}>${title}</h2>
      <select class="field" aria-labelledby=${`${kind}-title`} @change=${(event: Event) => this.studio.setModel(kind, (event.target as HTMLSelectElement).value)}>
        ${isMissing ? html`<option value=${chosen} selected>${chosen} (missing)</option>` : nothing}
        ${offered.map(({ name, size }) => html`<option value=${name} ?selected=${name === chosen}>${name}${size ? ` · ${sizeInWords(size)}` : ''}</option>`)}
      </select>
      <p>${isMissing ? html`The server does not have it. ` : nothing}${
        folder
          ? html`More of them: put them into <code>${folder}</code> and reload.`
          : 'The server was started with these.'
      } A hub model is downloaded at the start: <code>pez-nodes serve --${kind} &lt;id&gt;</code></p>`;
  }
}

const firstName = (models: readonly OfferedModel[]): string => models[0]?.name ?? '';

const nameIn = (
  graph: Readonly<Record<string, { class_type: string; inputs: Record<string, unknown> }>>,
  type: string,
  input: string,
): string => String(Object.values(graph).find((node) => node.class_type === type)?.inputs[input] ?? '');

customElements.define('studio-panels', StudioPanels);
