// A place for a picture: click, drag, paste, or the camera of a phone → files.
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { icon } from './icons.ts';
import { buttons, fields, theme } from './theme.ts';

/** What the server can decode. */
const ACCEPT = 'image/png,image/jpeg,image/webp,image/gif,image/tiff,image/avif';

/** Event: `pez-files` with `{ files: File[] }`; at least one. */
export class PezImageDrop extends LitElement {
  static override properties = {
    src: {},
    name: {},
    label: {},
    error: {},
    busy: { type: Boolean },
    multiple: { type: Boolean },
    over: { state: true },
  };
  static override styles = [
    theme,
    buttons,
    fields,
    css`
      .place {
        position: relative;
        display: grid;
        place-items: center;
        width: 100%;
        aspect-ratio: var(--pez-drop-ratio, 1);
        padding: 0;
        overflow: hidden;
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--surface);
        color: var(--soft);
      }
      .place.empty {
        border-style: dashed;
        border-color: var(--edge);
        background: var(--sunken);
      }
      .place:hover,
      .place.over {
        border-color: var(--accent);
      }
      .place.over {
        box-shadow: inset 0 0 0 2px var(--accent);
      }
      img {
        width: 100%;
        height: 100%;
        object-fit: contain;
      }
      .ask {
        display: grid;
        justify-items: center;
        gap: 6px;
        padding: 16px;
        text-align: center;
      }
      .ask svg.icon {
        width: 22px;
        height: 22px;
      }
      .ask strong {
        color: var(--ink);
        font-weight: 500;
      }
      .busy img {
        opacity: 0.4;
      }
      .foot {
        display: flex;
        align-items: center;
        gap: 4px;
        min-height: 36px;
        margin-top: 4px;
        color: var(--soft);
        font-size: 13px;
      }
      .name {
        flex: 1;
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      :host {
        container-type: inline-size;
      }
      .foot .button {
        white-space: nowrap;
      }
      @container (max-width: 190px) {
        .foot .change {
          display: none;
        }
      }
      .camera {
        display: none;
      }
      @media (pointer: coarse) {
        .camera {
          display: inline-flex;
        }
      }
    `,
  ];
  /** URL of the picture that is there; empty if none is. */
  declare src: string;
  /** Its file name. */
  declare name: string;
  declare label: string;
  /** What was wrong with the last picture. */
  declare error: string;
  declare busy: boolean;
  declare multiple: boolean;
  declare over: boolean;

  constructor() {
    super();
    this.src = '';
    this.name = '';
    this.label = 'Picture';
    this.error = '';
    this.busy = false;
    this.multiple = false;
    this.over = false;
    this.addEventListener('paste', (event) => this.#onPaste(event));
  }

  protected override render(): TemplateResult {
    const { src, name, label, error, busy, multiple } = this;
    const classes = ['place', !src && 'empty', this.over && 'over', busy && 'busy'].filter(Boolean).join(' ');
    return html`
      <button class=${classes} aria-label=${src ? `${label}: ${name}. Choose another` : nothing}
        aria-describedby=${error ? 'error' : nothing} @click=${() => this.#input('file').click()}
        @dragover=${this.#onDragOver} @dragleave=${() => (this.over = false)} @drop=${this.#onDrop}>
        ${
          src
            ? html`<img src=${src} alt="">`
            : html`<span class="ask">${icon('upload')}<strong>${busy ? 'Uploading …' : label}</strong><span>Drop, paste or choose</span></span>`
        }
      </button>
      <div class="foot">
        <span class="name" title=${name}>${busy ? 'Uploading …' : name}</span>
        ${src ? html`<button class="button quiet change" tabindex="-1" aria-hidden="true" @click=${() => this.#input('file').click()}>Change</button>` : nothing}
        <button class="button quiet square camera" aria-label="Take a photo" title="Take a photo"
          @click=${() => this.#input('photo').click()}>${icon('camera')}</button>
      </div>
      ${error ? html`<p class="error" id="error" role="alert">${error}</p>` : nothing}
      <input id="file" type="file" accept=${ACCEPT} ?multiple=${multiple} hidden aria-label=${label} @change=${this.#onChoose}>
      <input id="photo" type="file" accept="image/*" capture="environment" hidden aria-label="Camera" @change=${this.#onChoose}>
    `;
  }

  #input(id: 'file' | 'photo'): HTMLInputElement {
    return this.renderRoot.querySelector(`#${id}`) as HTMLInputElement;
  }

  #onChoose(event: Event): void {
    const input = event.target as HTMLInputElement;
    this.#emit([...(input.files ?? [])]);
    input.value = ''; // the same file may be chosen again
  }

  #onDragOver(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.stopPropagation();
    this.over = true;
  }

  #onDrop(event: DragEvent): void {
    this.over = false;
    event.preventDefault();
    event.stopPropagation();
    this.#emit([...(event.dataTransfer?.files ?? [])]);
  }

  #onPaste(event: ClipboardEvent): void {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.#emit(files);
  }

  #emit(files: File[]): void {
    const kept = this.multiple ? files : files.slice(0, 1);
    if (kept.length > 0)
      this.dispatchEvent(new CustomEvent('pez-files', { detail: { files: kept }, bubbles: true, composed: true }));
  }
}

customElements.define('pez-image-drop', PezImageDrop);
