// What goes into a task: pictures with their weights, or a long text; below it the settings.
import { css, html, nothing, type TemplateResult } from 'lit';
import '../../components/pez-image-drop.ts';
import { icon } from '../../components/icons.ts';
import { buttons, fields, theme } from '../../components/theme.ts';
import { findNode, idsOf } from '../graph/edit.ts';
import { slotsOf } from '../graph/slots.ts';
import { inputUrl } from '../protocol/api.ts';
import { StudioElement } from './element.ts';
import './settings.ts';

export class StudioInputs extends StudioElement {
  static override styles = [
    theme,
    buttons,
    fields,
    css`
      .pictures {
        display: grid;
        gap: 14px;
      }
      .several,
      .two {
        grid-template-columns: repeat(2, minmax(0, 1fr));
      }
      .one-picture {
        position: relative;
        min-width: 0;
      }
      .button.square.take-out {
        position: absolute;
        top: 6px;
        right: 6px;
        width: 30px;
        min-height: 30px;
        border-color: var(--line);
        border-radius: 50%;
        background: var(--surface);
      }
      .weight {
        display: grid;
        grid-template-columns: minmax(0, 1fr) 48px;
        align-items: center;
        gap: 4px 6px;
      }
      .weight label {
        color: var(--soft);
        font-size: 12px;
        white-space: nowrap;
      }
      .weight input[type='range'] {
        grid-column: 1 / -1;
        width: 100%;
        margin: 0;
        accent-color: var(--accent);
      }
      .weight .field {
        min-height: 32px;
        padding: 3px 5px;
        text-align: center;
      }
      .text label {
        display: block;
        margin-bottom: 6px;
        font-weight: 600;
      }
      .text textarea {
        min-height: 190px;
        font: 400 17px/1.45 var(--serif);
      }
      studio-settings {
        margin-top: 14px;
      }
      @media (max-width: 899px) {
        .several {
          grid-template-columns: repeat(3, minmax(0, 1fr));
        }
      }
    `,
  ];

  protected override render(): TemplateResult | typeof nothing {
    if (!this.studio?.ready) return nothing;
    const { input } = this.studio.task;
    return html`${input === 'text' ? this.#renderText() : input === 'words' ? nothing : this.#renderPictures(input)}`;
  }

  #renderPictures(input: 'one' | 'two' | 'several'): TemplateResult {
    const { studio } = this;
    const { pictures, task, template } = studio;
    const slots = idsOf(studio.graph, 'LoadImage');
    return html`<div class="pictures ${input}">
      ${pictures.map((name, i) => {
        const label = pictures.length > 1 ? `Picture ${i + 1}` : 'Your picture';
        const nodes = [slots[i], idsOf(template, 'LoadImage')[i]];
        const problem = studio.problems.find((each) => nodes.includes(each.nodeId));
        return html`<div class="one-picture">
          <pez-image-drop label=${label} .src=${inputUrl(name)} .name=${name} .error=${problem?.message ?? ''}
            .busy=${studio.uploading} ?multiple=${input === 'several'}
            @pez-files=${(event: CustomEvent<{ files: File[] }>) => studio.addPictures(event.detail.files, i)}></pez-image-drop>
          ${
            input === 'several' && pictures.length > 1
              ? html`<button class="button take-out square" aria-label=${`Take out picture ${i + 1}`} title="Take out"
                  @click=${() => studio.setPictures(pictures.filter((_, at) => at !== i))}>${icon('close')}</button>`
              : nothing
          }
          ${task.weights?.[i] ? this.#renderWeight(task.weights[i], i) : nothing}
        </div>`;
      })}
      ${
        input === 'several'
          ? html`<pez-image-drop multiple label="Add pictures" .busy=${studio.uploading}
              @pez-files=${(event: CustomEvent<{ files: File[] }>) => studio.addPictures(event.detail.files, pictures.length)}></pez-image-drop>`
          : nothing
      }
    </div>`;
  }

  #renderWeight(name: string, index: number): TemplateResult | typeof nothing {
    const { template, info, state, studio } = { ...this.studio.context, studio: this.studio };
    const [type, input] = name.split('.');
    const id = findNode(template, type);
    const slot = id && slotsOf(info[type]).find((each) => each.name === input);
    if (!id || !slot) return nothing;
    const key = `${id}.${input}`;
    const value = Number(state.values[key] ?? template[id].inputs[input] ?? slot.options.default);
    const { min = 0, max = 1, step = 0.05, tooltip = '' } = slot.options;
    const set = (event: Event) => studio.setValue(key, Number((event.target as HTMLInputElement).value));
    const label = `Weight of picture ${index + 1}`;
    return html`<div class="weight" title=${tooltip}>
      <label for="weight">Weight</label>
      <input class="field" type="number" aria-label=${`${label}, as a number`} .value=${String(value)} min=${min} max=${max} step=${step} @change=${set}>
      <input type="range" id="weight" aria-label=${label} .value=${String(value)} min=${Math.max(min, -1)} max=${Math.min(max, 2)} step=${step} @input=${set}>
    </div>`;
  }

  #renderText(): TemplateResult | typeof nothing {
    const { studio } = this;
    const name = studio.task.text ?? '';
    const [type, input] = name.split('.');
    const id = findNode(studio.template, type);
    if (!id) return nothing;
    const key = `${id}.${input}`;
    const value = String(studio.state.values[key] ?? studio.template[id].inputs[input] ?? '');
    const problem = studio.problems.find((each) => each.nodeId === id || each.input === 'text');
    return html`<div class="text">
      <label for="text">The long prompt</label>
      <textarea class="field" id="text" .value=${value} aria-invalid=${problem ? 'true' : 'false'}
        @input=${(event: Event) => studio.setValue(key, (event.target as HTMLTextAreaElement).value)}></textarea>
      ${problem ? html`<p class="error" role="alert">${problem.message}</p>` : nothing}
    </div>`;
  }
}

customElements.define('studio-inputs', StudioInputs);
