// What the server remembers → entries with a picture and words, newest first, in pages.
import type { HistoryEntry } from '../../../schemas/history.ts';
import { idsOf } from '../graph/edit.ts';
import { type FileRef, getJson, postJson } from '../protocol/api.ts';
import type { TaskId } from '../tasks.ts';
import { newRun, picturesOf, promptOf, type RunMark, readHistory, shownBy } from './run.ts';

export interface Entry {
  readonly id: string;
  readonly task: TaskId | undefined;
  readonly prompt: string;
  /** Drawn pictures; may be empty. */
  readonly pictures: readonly FileRef[];
  /** Names of the pictures that went in. */
  readonly sources: readonly string[];
  readonly similarity: number | undefined;
  /** ms since 1970. */
  readonly at: number;
  readonly raw: HistoryEntry;
}

const FIRST_PAGE = 60;
const PAGE = 200;

export class History {
  entries: readonly Entry[] = [];
  /** True when everything that the server remembers is here. */
  complete = false;
  loading = false;
  readonly #changed: () => void;
  /** Items of the server's list, counted from its newest end, that have been read. */
  #read = 0;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The newest entries; what was loaded before is kept if nothing is missing between. */
  async refresh(): Promise<void> {
    const newest = await getJson<Record<string, HistoryEntry>>(`/history?max_items=${FIRST_PAGE}`);
    const items = Object.entries(newest).reverse();
    const known = new Set(this.entries.map(({ id }) => id));
    const fresh = entriesOf(items);
    const ids = new Set(fresh.map(({ id }) => id));
    const overlaps = this.entries.length === 0 || items.some(([id]) => known.has(id));
    const kept = overlaps ? this.entries.filter(({ id }) => !ids.has(id)) : [];
    this.entries = [...fresh, ...kept].sort((a, b) => b.at - a.at);
    if (!overlaps || this.#read === 0) this.#read = items.length;
    if (items.length < FIRST_PAGE) this.complete = true;
    this.#changed();
  }

  /** The next page of older ones. */
  async more(): Promise<void> {
    if (this.complete || this.loading) return;
    this.loading = true;
    try {
      const total = await countOf();
      const end = Math.max(0, total - this.#read);
      const offset = Math.max(0, end - PAGE);
      const older =
        end > 0
          ? await getJson<Record<string, HistoryEntry>>(`/history?max_items=${end - offset}&offset=${offset}`)
          : {};
      const items = Object.entries(older).reverse();
      const ids = new Set(this.entries.map(({ id }) => id));
      this.entries = [...this.entries, ...entriesOf(items).filter(({ id }) => !ids.has(id))];
      this.#read += items.length;
      this.complete = offset === 0;
    } finally {
      this.loading = false;
    }
    this.#changed();
  }

  /** All pages: a search by words has to see everything. */
  async all(): Promise<void> {
    while (!this.complete && !this.loading) await this.more();
  }

  async remove(id: string): Promise<void> {
    await postJson('/history', { delete: [id] });
    this.entries = this.entries.filter((entry) => entry.id !== id);
    this.#read -= 1;
    this.#changed();
  }
}

async function countOf(): Promise<number> {
  const { pagination } = await getJson<{ pagination: { total: number } }>(
    '/api/jobs?limit=1&status=completed,failed,cancelled',
  );
  return pagination.total;
}

/** Entries worth showing: those that succeeded and made words or pictures. */
function entriesOf(items: readonly (readonly [string, HistoryEntry])[]): Entry[] {
  return items.flatMap(([id, raw]) => {
    const [, , graph, extra] = raw.prompt;
    const mark = (extra as { pez_studio?: RunMark }).pez_studio;
    if (mark?.purpose === 'aside' || raw.status.status_str !== 'success') return [];
    const run = newRun(id, graph, mark ?? { purpose: 'search' });
    readHistory(run, raw);
    const pictures = picturesOf(run);
    const prompt = promptOf(run);
    if (pictures.length === 0 && !prompt) return [];
    const [similarity] = shownBy(run, 'PromptWords', 'similarity');
    return {
      id,
      task: run.task,
      prompt,
      pictures,
      sources: idsOf(graph, 'LoadImage').map((node) => String(graph[node].inputs.image)),
      // Without a picture the words were compared with themselves.
      similarity: typeof similarity === 'number' && idsOf(graph, 'LoadImage').length > 0 ? similarity : undefined,
      at: run.createdAt,
      raw,
    };
  });
}
