// The settings of a task: those that matter in view, the others folded, node by node.
import { css, html, nothing, type TemplateResult } from 'lit';
import { buttons, fields, theme } from '../../components/theme.ts';
import { findNode, isLink } from '../graph/edit.ts';
import { isWidget, nameInWords, type Slot, slotsOf } from '../graph/slots.ts';
import { StudioElement } from './element.ts';
import { renderSetting, type Setting } from './setting.ts';

/** What stands elsewhere on the page: pictures, models, and nodes without an influence. */
const ELSEWHERE = ['LoadImage', 'CLIPLoader', 'CheckpointLoaderSimple', 'PreviewAny', 'PreviewImage'];

export class StudioSettings extends StudioElement {
  static override styles = [
    theme,
    buttons,
    fields,
    css`
      .setting {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(84px, 42%);
        align-items: center;
        gap: 2px 12px;
        padding: 4px 0;
      }
      .setting.wide {
        grid-template-columns: minmax(0, 1fr);
      }
      label {
        line-height: 1.3;
      }
      small {
        display: block;
        color: var(--soft);
        font-size: 12px;
      }
      .control {
        display: flex;
        align-items: center;
        gap: 2px;
        min-width: 0;
      }
      .setting:not(.wide) .control {
        justify-content: flex-end;
      }
      .control .field {
        min-width: 0;
      }
      .control .button.square {
        width: 32px;
        margin-right: -6px;
      }
      .setting:has(.button.square) {
        grid-template-columns: minmax(0, 1fr) minmax(104px, 52%);
      }
      input[type='number'] {
        appearance: textfield;
        font-variant-numeric: tabular-nums;
      }
      input[type='checkbox'] {
        width: 20px;
        height: 20px;
        accent-color: var(--accent);
      }
      .help {
        display: none;
        grid-column: 1 / -1;
        margin: 2px 0 4px;
        color: var(--soft);
        font-size: 13px;
      }
      .setting:focus-within .help {
        display: block;
      }
      .error {
        grid-column: 1 / -1;
      }
      details {
        margin-top: 10px;
        border-top: 1px solid var(--line);
      }
      details details {
        margin-top: 4px;
        border: 0;
      }
      summary {
        padding: 10px 0;
        color: var(--soft);
        cursor: pointer;
      }
      summary:hover {
        color: var(--ink);
      }
      fieldset {
        margin: 0 0 12px;
        padding: 0;
        border: 0;
        min-width: 0;
      }
      legend {
        padding: 0;
        font-weight: 600;
      }
    `,
  ];

  protected override render(): TemplateResult | typeof nothing {
    const { studio } = this;
    if (!studio?.ready) return nothing;
    const { settings, weights = [], text, id } = studio.task;
    const named = settings.flatMap((name) => this.#named(name) ?? []);
    const shown = new Set([
      ...named.map(({ key }) => key),
      ...[...weights, text ?? ''].map((name) => this.#named(name)?.key),
    ]);
    return html`
      ${named.map(renderSetting)}
      <details>
        <summary>More settings</summary>
        ${this.#groups(shown, id).map(
          ({ title, plain, advanced }) => html`<fieldset><legend>${title}</legend>
            ${plain.map(renderSetting)}
            ${
              advanced.length > 0
                ? html`<details><summary>${plain.length > 0 ? 'Advanced' : 'Settings'}</summary>${advanced.map(renderSetting)}</details>`
                : nothing
            }
          </fieldset>`,
        )}
      </details>`;
  }

  /** `PEZInvert.length` → the setting, if the graph has that node. */
  #named(name: string): Setting | undefined {
    const dot = name.lastIndexOf('.');
    const { template, info } = this.studio;
    const id = findNode(template, name.slice(0, dot));
    const slot = id && slotsOf(info[template[id].class_type]).find((each) => each.name === name.slice(dot + 1));
    if (!id || !slot) return undefined;
    const title = template[id]._meta?.title ?? '';
    const setting = this.#setting(id, slot);
    // Two nodes with a setting of one name: its node is said, too.
    const isDouble = this.studio.task.settings.filter((other) => other.endsWith(name.slice(dot))).length > 1;
    const isTitle = name.startsWith(`${title}.`);
    if (isTitle && slot.name === 'text') return { ...setting, label: title };
    return isDouble ? { ...setting, of: title } : setting;
  }

  #setting(id: string, slot: Slot): Setting {
    const { template, state, problems } = this.studio;
    const key = `${id}.${slot.name}`;
    const own = template[id].inputs[slot.name];
    return {
      key,
      label: nameInWords(slot.name),
      slot,
      value: key in state.values ? state.values[key] : (own ?? slot.options.default),
      error: problems.find(({ nodeId, input }) => nodeId === id && input === slot.name)?.message,
      set: (value) => this.studio.setValue(key, value),
    };
  }

  #groups(shown: ReadonlySet<string | undefined>, task: string) {
    const { template, info } = this.studio;
    return Object.entries(template).flatMap(([id, node]) => {
      const isSearch = task === 'swap' && node.class_type === 'PEZInvert';
      if (ELSEWHERE.includes(node.class_type) || isSearch || !info[node.class_type]) return [];
      const settings = slotsOf(info[node.class_type])
        .filter((slot) => isWidget(slot) && !isLink(node.inputs[slot.name]) && !shown.has(`${id}.${slot.name}`))
        .map((slot) => this.#setting(id, slot));
      if (settings.length === 0) return [];
      return {
        title: node._meta?.title ?? node.class_type,
        plain: settings.filter(({ slot }) => !slot.options.advanced),
        advanced: settings.filter(({ slot }) => slot.options.advanced),
      };
    });
  }
}

customElements.define('studio-settings', StudioSettings);
