// HTML from templates whose values are escaped unless they are HTML already.

/** A piece of HTML that is safe to insert. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const toHtml = (value: unknown): string => {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(toHtml).join('');
  return String(value ?? '').replace(/[&<>"']/g, (c) => ENTITIES[c]);
};

/** html`<p>${text}</p>`: escapes every value; lists and Html go in as they are. */
export const html = (strings: TemplateStringsArray, ...values: readonly unknown[]): Html =>
  new Html(strings.map((text, i) => text + (i < values.length ? toHtml(values[i]) : '')).join(''));
