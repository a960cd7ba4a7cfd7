// One widget of a node → a labelled field: range, choices and words about it come from object_info.
import { html, nothing, type TemplateResult } from 'lit';
import { icon } from '../../components/icons.ts';
import type { Slot } from '../graph/slots.ts';

export interface Setting {
  /** `<node id>.<input>` */
  readonly key: string;
  readonly label: string;
  /** Its node, where another node has a setting of that name. */
  readonly of?: string;
  readonly slot: Slot;
  readonly value: unknown;
  readonly error: string | undefined;
  set(value: unknown): void;
}

/** Seeds beyond 2^53 lose their last digits in JSON as browsers read it. */
const MAX_SEED = 2 ** 32;

export function renderSetting(setting: Setting): TemplateResult {
  const { key, label, slot, error } = setting;
  const id = key.replaceAll(/[^\w-]/g, '-');
  const { tooltip } = slot.options;
  const isWide = slot.type === 'STRING' || label.length > 24;
  return html`<div class="setting ${isWide ? 'wide' : ''}" title=${tooltip ?? ''}>
    <label for=${id}>${label}${setting.of ? html` <small>${setting.of}</small>` : nothing}</label>
    <span class="control">${renderField(setting, id)}</span>
    ${tooltip ? html`<p class="help" id=${`${id}-help`}>${tooltip}</p>` : nothing}
    ${error ? html`<p class="error" id=${`${id}-error`} role="alert">${error}</p>` : nothing}
  </div>`;
}

function renderField(setting: Setting, id: string): TemplateResult {
  const { slot, value, error, set } = setting;
  const invalid = error ? 'true' : 'false';
  const described = `${slot.options.tooltip ? `${id}-help` : ''} ${error ? `${id}-error` : ''}`.trim() || nothing;
  if (slot.type === 'BOOLEAN')
    return html`<input type="checkbox" role="switch" id=${id} .checked=${Boolean(value)} aria-describedby=${described}
      @change=${(event: Event) => set((event.target as HTMLInputElement).checked)}>`;
  if (slot.type === 'COMBO')
    return html`<select class="field" id=${id} aria-invalid=${invalid} aria-describedby=${described}
      @change=${(event: Event) => set((event.target as HTMLSelectElement).value)}>
      ${slot.choices.map((choice) => html`<option value=${choice} ?selected=${choice === value}>${choice}</option>`)}
    </select>`;
  if (slot.type === 'STRING') return renderText(setting, id, { invalid, described });
  const { min, max, step = slot.type === 'INT' ? 1 : 0.01 } = slot.options;
  return html`<input class="field" type="number" id=${id} .value=${String(value ?? '')} min=${min ?? nothing} max=${max ?? nothing}
      step=${slot.type === 'INT' ? step : 'any'} aria-invalid=${invalid} aria-describedby=${described} inputmode="decimal"
      @change=${(event: Event) => set(toNumber((event.target as HTMLInputElement).value))}>
    ${
      slot.name === 'seed'
        ? html`<button class="button quiet square" aria-label="Another seed" title="Another seed"
            @click=${() => set(Math.floor(Math.random() * MAX_SEED))}>${icon('again')}</button>`
        : nothing
    }`;
}

function renderText(
  { slot, value, set }: Setting,
  id: string,
  { invalid, described }: { invalid: 'true' | 'false'; described: string | typeof nothing },
): TemplateResult {
  const change = (event: Event) => set((event.target as HTMLInputElement | HTMLTextAreaElement).value);
  const { multiline, placeholder = '' } = slot.options;
  return multiline
    ? html`<textarea class="field" id=${id} rows="2" .value=${String(value ?? '')} placeholder=${placeholder} aria-invalid=${invalid}
        aria-describedby=${described} @change=${change}></textarea>`
    : html`<input class="field" id=${id} .value=${String(value ?? '')} placeholder=${placeholder} aria-invalid=${invalid}
        aria-describedby=${described} @change=${change}>`;
}

/** What is no number goes to the server as it was typed: it says what is wrong. */
const toNumber = (text: string): unknown => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text);
