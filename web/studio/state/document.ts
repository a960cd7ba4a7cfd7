// What a person has made on the page: plain data, changed by making new data, so that every step can be undone.
import type { PromptWord } from '../../components/data.ts';
import { type TaskId, tasks } from '../tasks.ts';

export interface TaskState {
  /** `<node id>.<input>` → value, where it differs from the template. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Names of the input pictures; undefined: the template's. */
  readonly pictures?: readonly string[];
  readonly words: readonly PromptWord[];
  /** Of the words with the picture, if it has been measured. */
  readonly similarity?: number | undefined;
  readonly blocked: readonly string[];
  /** Index of the word that the row of pictures replaces; by default the last. */
  readonly swapAt?: number;
  /** The run whose words are shown. */
  readonly searchId?: string;
  /** The run whose pictures are shown. */
  readonly pictureId?: string;
}

export interface StudioDocument {
  readonly task: TaskId;
  readonly tasks: Readonly<Record<TaskId, TaskState>>;
  /** Models by name; empty: the template's. */
  readonly clip: string;
  readonly checkpoint: string;
}

export const emptyDocument = (): StudioDocument => ({
  task: 'picture',
  tasks: Object.fromEntries(
    tasks.map(({ id, words = [] }) => [id, { values: {}, words: words.map((text) => ({ text })), blocked: [] }]),
  ) as unknown as StudioDocument['tasks'],
  clip: '',
  checkpoint: '',
});

/** The document with changes to one task, by default to the open one. */
export const changeTask = (
  document: StudioDocument,
  change: Partial<TaskState>,
  id: TaskId = document.task,
): StudioDocument => ({
  ...document,
  tasks: { ...document.tasks, [id]: { ...document.tasks[id], ...change } },
});

const MAX_STEPS = 200;

/** A document and its past. Steps of the same `kind` in a row count as one: typing is undone as a whole. */
export class Undo<T> {
  #past: T[] = [];
  #future: T[] = [];
  #kind = '';
  #now: T;
  constructor(now: T) {
    this.#now = now;
  }
  get now(): T {
    return this.#now;
  }
  get canUndo(): boolean {
    return this.#past.length > 0;
  }
  get canRedo(): boolean {
    return this.#future.length > 0;
  }
  set(next: T, kind = ''): void {
    if (next === this.#now) return;
    if (kind === '' || kind !== this.#kind) this.#past = [...this.#past.slice(1 - MAX_STEPS), this.#now];
    this.#kind = kind;
    this.#future = [];
    this.#now = next;
  }
  /** Changes what is there without a step of its own: something became known. */
  amend(next: T): void {
    this.#now = next;
  }
  undo(): void {
    const before = this.#past.pop();
    if (before === undefined) return;
    this.#future.push(this.#now);
    this.#now = before;
    this.#kind = '';
  }
  redo(): void {
    const after = this.#future.pop();
    if (after === undefined) return;
    this.#past.push(this.#now);
    this.#now = after;
    this.#kind = '';
  }
}
