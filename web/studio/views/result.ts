// What the words draw: one picture beside its source, or a row of them.
import { css, html, nothing, type TemplateResult } from 'lit';
import '../../components/pez-compare.ts';
import { icon } from '../../components/icons.ts';
import { buttons, theme } from '../../components/theme.ts';
import { type FileRef, inputUrl, viewUrl } from '../protocol/api.ts';
import { isOver, picturesOf, promptOf, type Run } from '../state/run.ts';
import { StudioElement } from './element.ts';
import { saveText, saveUrl } from './save-file.ts';

export class StudioResult extends StudioElement {
  static override properties = { ...StudioElement.properties, comparing: { state: true } };
  static override styles = [
    theme,
    buttons,
    css`
      figure {
        margin: 0;
        min-width: 0;
      }
      .single {
        container-type: inline-size;
      }
      @container (max-width: 260px) {
        .tools .button {
          padding-inline: 6px;
        }
        .tools .name {
          position: absolute;
          clip-path: inset(50%);
        }
        .as-text,
        dl {
          display: none !important;
        }
      }
      .frame {
        display: grid;
        place-items: center;
        aspect-ratio: 1;
        overflow: hidden;
        border: 1px solid var(--line);
        border-radius: 14px;
        background: var(--surface);
      }
      .frame.empty {
        border-style: dashed;
        border-color: var(--edge);
        background: none;
        color: var(--soft);
        text-align: center;
      }
      .frame.empty p {
        max-width: 15em;
        margin: 16px;
        font: 400 17px/1.4 var(--serif);
      }
      img {
        width: 100%;
        height: 100%;
        object-fit: contain;
      }
      img.preview {
        image-rendering: pixelated;
      }
      .row {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(clamp(140px, 24%, 220px), 1fr));
        gap: 18px;
      }
      figcaption {
        margin-top: 8px;
        font: 450 17px/1.35 var(--serif);
      }
      .tools {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px;
        min-height: 36px;
        margin: 4px 0 0 -10px;
      }
      .tools .button {
        padding-inline: 10px;
      }
      [aria-pressed='true'] {
        color: var(--accent) !important;
      }
      dl {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 4px 12px;
        margin: 8px 0 0;
        color: var(--soft);
        font-size: 13px;
      }
      dd {
        margin: 0;
        color: var(--ink);
        font-variant-numeric: tabular-nums;
      }
    `,
  ];
  declare comparing: boolean;

  protected override render(): TemplateResult | typeof nothing {
    const { studio } = this;
    if (!studio?.ready) return nothing;
    const run = studio.pictureRun;
    const live = run && !isOver(run) ? run : undefined;
    const pictures = run ? picturesOf(run) : [];
    if (studio.task.id === 'swap') return this.#renderRow(run, pictures, live);
    const preview = live && live.graph[live.previewNode]?.class_type === 'KSampler' ? live.preview : '';
    if (!pictures[0] && !preview)
      return html`<div class="frame empty"><p>${live ? 'Drawing comes after the words …' : 'The picture that the words draw'}</p></div>`;
    if (!pictures[0])
      return html`<div class="frame"><img class="preview" src=${preview} alt="The picture so far"></div>`;
    return this.#renderPicture(pictures[0], run as Run);
  }

  #renderPicture(picture: FileRef, run: Run): TemplateResult {
    const [source] = this.studio.pictures;
    const isComparing = this.comparing && source !== undefined;
    return html`<figure class="single">
      ${
        isComparing
          ? html`<pez-compare .source=${inputUrl(source)} .result=${viewUrl(picture)} source-label="Your picture" result-label="Drawn"></pez-compare>`
          : html`<div class="frame"><img src=${viewUrl(picture)} alt=${`Drawn from: ${promptOf(run)}`}></div>`
      }
      <div class="tools">
        ${
          source === undefined
            ? nothing
            : html`<button class="button quiet" aria-pressed=${isComparing} @click=${() => (this.comparing = !this.comparing)}>${icon('compare')} <span class="name">Compare</span></button>`
        }
        ${this.#renderSave([picture], run)}
      </div>
      ${measuresOf(run)}
    </figure>`;
  }

  #renderRow(run: Run | undefined, pictures: readonly FileRef[], live: Run | undefined): TemplateResult {
    const captions = run ? promptOf(run).split('\n') : [];
    if (pictures.length === 0 && !live)
      return html`<div class="row"><div class="frame empty"><p>One picture for each word that you put in its place</p></div></div>`;
    return html`<div class="row" aria-live="polite">
        ${pictures.map(
          (picture, i) => html`<figure>
            <div class="frame"><img src=${viewUrl(picture)} alt=${`Drawn from: ${captions[i] ?? ''}`}></div>
            <figcaption>${captions[i] ?? ''}</figcaption></figure>`,
        )}
        ${live?.preview ? html`<figure><div class="frame"><img class="preview" src=${live.preview} alt="The picture so far"></div></figure>` : nothing}
        ${live && !live.preview && pictures.length === 0 ? html`<div class="frame empty"><p>Drawing …</p></div>` : nothing}
      </div>
      ${run && pictures.length > 0 ? html`<div class="tools">${this.#renderSave(pictures, run)}</div>` : nothing}`;
  }

  #renderSave(pictures: readonly FileRef[], run: Run): TemplateResult {
    const name = `prompt-${run.id.slice(0, 8)}`;
    const save = () => {
      for (const picture of pictures) saveUrl(picture.filename, viewUrl(picture));
    };
    return html`<button class="button quiet" title="PNG, with its graph inside" @click=${save}><span class="name">${icon('download')}</span> PNG</button>
      <button class="button quiet" title="The graph as JSON" @click=${() => saveText(`${name}.json`, JSON.stringify(run.graph, undefined, 2), 'application/json')}>JSON</button>
      <button class="button quiet as-text" title="The prompt as text" @click=${() => saveText(`${name}.txt`, `${promptOf(run)}\n`)}>Text</button>`;
  }
}

/** Numbers that the graph shows under a title of their own. */
function measuresOf({ graph, outputs }: Run): TemplateResult | typeof nothing {
  const rows = Object.entries(outputs).flatMap(([id, shown]) => {
    const text = String(shown.text?.[0] ?? '');
    const isNumber = graph[id]?.class_type === 'PreviewAny' && text !== '' && Number.isFinite(Number(text));
    return isNumber ? [[graph[id]._meta?.title ?? '', Number(text).toFixed(3)]] : [];
  });
  if (rows.length === 0) return nothing;
  return html`<dl>${rows.map(([title, value]) => html`<dt>${title}</dt><dd>${value}</dd>`)}</dl>`;
}

customElements.define('studio-result', StudioResult);
