// The page's model: one object that views read and whose methods they call. It tells them by `change` and `history` events.
import type { ApiGraph } from '../../../schemas/prompt.ts';
import type { UiGraph04 } from '../../../schemas/template.ts';
import type { PromptWord, Suggestion } from '../../components/data.ts';
import { fromSaved } from '../graph/from-saved.ts';
import type { ObjectInfo } from '../graph/slots.ts';
import { ApiError, getJson, type InputProblem, uploadImage } from '../protocol/api.ts';
import { openSocket } from '../protocol/socket.ts';
import { type Task, type TaskId, taskOf, tasks } from '../tasks.ts';
import { changeTask, emptyDocument, type StudioDocument, type TaskState, Undo } from './document.ts';
import { drawingGraph, picturesIn, type TaskContext, taskGraph } from './graphs.ts';
import { type Entry, History } from './history.ts';
import { loadModels, type Models, noModels } from './models.ts';
import { settingsOf, taskOfGraph } from './open-graph.ts';
import { problemOf } from './problems.ts';
import { createNearWords, measureWords } from './questions.ts';
import { type Purpose, promptOf, type Run, shownBy } from './run.ts';
import { Runs } from './runs.ts';
import { readDocument, tabId, writeDocument } from './session.ts';
import { addWords, measuredWords, moveWord, pinWord, removeWord, swapWord, textOf, wordsOf } from './words.ts';

export type Connection = 'opening' | 'open' | 'lost';

/** How long a prompt rests before its words are measured. */
const REST_MS = 350;

export class Studio extends EventTarget {
  connection: Connection = 'opening';
  /** The server asks for a token that this page does not have. */
  denied = false;
  /** Why the page cannot start, if it cannot. */
  failure = '';
  ready = false;
  info: ObjectInfo = {};
  models: Models = noModels;
  /** What was wrong with the last graph that was sent, or that failed. */
  problems: readonly InputProblem[] = [];
  /** A sentence for the user, until the next action. */
  notice = '';
  selected = -1;
  suggestions: readonly Suggestion[] | null | undefined = null;
  uploading = false;
  /** Why the words could not be measured. */
  unmeasured = '';
  readonly history = new History(() => this.dispatchEvent(new Event('history')));
  readonly #templates = new Map<TaskId, ApiGraph>();
  readonly #undo = new Undo<StudioDocument>(emptyDocument());
  #runs = new Runs('', { changed: () => undefined, ended: () => undefined });
  #socket: ReturnType<typeof openSocket> | undefined;
  #resting = 0;
  readonly #nearWords = createNearWords();

  async start(): Promise<void> {
    const id = await tabId();
    this.#runs = new Runs(id, { changed: () => this.#tell(), ended: (run) => this.#ended(run) });
    await this.load();
    this.#socket = openSocket(id, {
      message: (message) => this.#runs.message(message),
      frame: (frame) => this.#runs.frame(frame),
      connected: (isOpen) => void this.#onConnected(isOpen),
    });
  }

  /** Reads what the server offers. */
  async load(): Promise<void> {
    try {
      this.info = await getJson<ObjectInfo>('/object_info');
      for (const { id, template } of tasks) {
        const saved = await getJson<UiGraph04>(`/templates/${template}.json`);
        this.#templates.set(id, fromSaved(saved, this.info));
      }
      const remembered = readDocument();
      if (remembered) this.#undo.amend(remembered);
      this.ready = true;
      this.denied = false;
      this.failure = '';
      this.#tell();
      void loadModels(this.info).then((models) => {
        this.models = models;
        this.#tell();
      });
      await Promise.all([this.history.refresh(), this.#recall()]);
    } catch (error) {
      this.denied = error instanceof ApiError && error.status === 401;
      this.failure = (error as Error).message;
      this.#tell();
    }
  }

  get document(): StudioDocument {
    return this.#undo.now;
  }
  get canUndo(): boolean {
    return this.#undo.canUndo;
  }
  get canRedo(): boolean {
    return this.#undo.canRedo;
  }
  get task(): Task {
    return taskOf(this.document.task);
  }
  get state(): TaskState {
    return this.document.tasks[this.document.task];
  }
  /** Runs that wait or go on, of all tasks. */
  get active(): Run[] {
    return this.#runs.active;
  }
  get searchRun(): Run | undefined {
    return this.#runs.get(this.state.searchId);
  }
  get pictureRun(): Run | undefined {
    return this.#runs.get(this.state.pictureId);
  }
  get context(): TaskContext {
    const { task, state, info, document } = this;
    return {
      task,
      state,
      info,
      template: this.#templates.get(task.id) ?? {},
      drawTemplate: this.#templates.get('draw') ?? {},
      clip: document.clip,
      checkpoint: document.checkpoint,
    };
  }
  get template(): ApiGraph {
    return this.context.template;
  }
  get pictures(): string[] {
    return this.ready ? picturesIn(this.context) : [];
  }
  /** The graph that the button would run. */
  get graph(): ApiGraph {
    return this.ready ? taskGraph(this.context) : {};
  }

  // What a person does.

  open(task: TaskId): void {
    this.#set({ ...this.document, task });
    this.select(-1);
    this.#measureSoon();
  }
  undo(): void {
    this.#undo.undo();
    this.#afterJump();
  }
  redo(): void {
    this.#undo.redo();
    this.#afterJump();
  }
  setValue(key: string, value: unknown): void {
    this.problems = this.problems.filter(({ nodeId, input }) => `${nodeId}.${input}` !== key);
    this.#setTask({ values: { ...this.state.values, [key]: value } }, `value ${key}`);
  }
  setModel(kind: 'clip' | 'checkpoint', name: string): void {
    this.#set({ ...this.document, [kind]: name });
  }
  setPictures(pictures: readonly string[]): void {
    this.problems = this.problems.filter(({ input }) => input !== 'image');
    this.#setTask({ pictures });
  }
  async addPictures(files: readonly File[], at: number): Promise<void> {
    this.uploading = true;
    this.#tell();
    try {
      const names = await Promise.all(files.map(uploadImage));
      const pictures = [...this.pictures];
      pictures.splice(at, this.task.input === 'several' && at >= pictures.length ? 0 : names.length, ...names);
      this.setPictures(this.task.input === 'several' ? pictures : pictures.slice(0, this.task.input === 'two' ? 2 : 1));
      this.notice = '';
    } catch (error) {
      this.#fail(error);
    } finally {
      this.uploading = false;
      this.#tell();
    }
  }

  select(index: number): void {
    this.selected = index;
    if (index >= 0 && this.task.id === 'swap') this.#undo.amend(changeTask(this.document, { swapAt: index }));
    this.suggestions = index < 0 || !this.info.NearestWords ? null : undefined;
    this.#tell();
    if (this.suggestions === undefined) void this.#lookUp(index);
  }
  editWords(words: readonly PromptWord[], kind = ''): void {
    this.#setTask({ words, similarity: undefined }, kind);
    this.#measureSoon();
  }
  setText(text: string): void {
    this.select(-1);
    this.editWords(wordsOf(text), 'text');
  }
  swap(index: number, text: string): void {
    if (/[,\n]/.test(text)) {
      void this.#swapRow(index, text);
      return;
    }
    this.select(-1);
    this.editWords(swapWord(this.state.words, index, text));
  }
  add(text: string): void {
    this.editWords(addWords(this.state.words, text));
  }
  remove(index: number): void {
    this.select(-1);
    this.editWords(removeWord(this.state.words, index));
  }
  move(from: number, to: number): void {
    this.select(this.selected === from ? to : -1);
    this.editWords(moveWord(this.state.words, from, to));
  }
  pin(index: number): void {
    this.#setTask({ words: pinWord(this.state.words, index) });
  }
  block(index: number): void {
    const { text } = this.state.words[index];
    this.select(-1);
    this.#setTask({
      words: removeWord(this.state.words, index),
      blocked: [...new Set([...this.state.blocked, text])],
      similarity: undefined,
    });
    this.#measureSoon();
  }
  unblock(text: string): void {
    this.#setTask({ blocked: this.state.blocked.filter((word) => word !== text) });
  }
  choose(prompt: string): void {
    this.select(-1);
    this.editWords(wordsOf(prompt));
  }

  /** The one thing to press. */
  run(): Promise<void> {
    const purpose: Purpose = ['draw', 'swap'].includes(this.task.id) ? 'draw' : 'search';
    return this.#send(this.graph, purpose);
  }
  /** Draws the words as they are; a task that draws nothing hands them to Draw. */
  async draw(): Promise<void> {
    if (!this.task.draws) {
      const { words } = this.state;
      this.#set(changeTask({ ...this.document, task: 'draw' }, { words }, 'draw'));
    }
    await this.#send(drawingGraph(this.context), 'draw');
  }
  async stop(run: Run): Promise<void> {
    await this.runs.stop(run).catch((error) => this.#fail(error));
    this.#tell();
  }
  get runs(): Runs {
    return this.#runs;
  }
  retry(): void {
    if (this.ready) this.#socket?.retryNow();
    else void this.load();
  }
  dismiss(): void {
    this.notice = '';
    this.#tell();
  }

  /** Opens a run of the history in its task, to go on from there. */
  openEntry(entry: Entry): void {
    const run = this.#runs.adopt(entry.id, entry.raw);
    const words = measuredWords(shownBy(run, 'PromptWords', 'words'), []);
    this.#openGraph(run.graph, {
      task: entry.task,
      words: words.length > 0 ? words : wordsOf(entry.prompt.split('\n')[0]),
      similarity: entry.similarity,
      searchId: run.id,
      pictureId: run.id,
    });
  }
  /** Opens a graph that a picture brought along. */
  openGraph(graph: ApiGraph): boolean {
    return this.#openGraph(graph, { words: wordsOf(promptOf({ graph, outputs: {} })) });
  }

  // What happens meanwhile.

  #openGraph(graph: ApiGraph, { task, ...change }: Partial<TaskState> & { task?: TaskId | undefined }): boolean {
    const id = task ?? taskOfGraph(graph, this.#templates);
    const template = id && this.#templates.get(id);
    if (!id || !template) {
      this.notice = 'The graph of this picture belongs to none of the tasks here: open it in the graph editor.';
      this.#tell();
      return false;
    }
    const before: TaskState = { values: {}, words: [], blocked: [] };
    this.#set(changeTask({ ...this.document, task: id }, { ...before, ...settingsOf(graph, template), ...change }, id));
    this.select(-1);
    this.#measureSoon();
    return true;
  }

  async #send(graph: ApiGraph, purpose: Purpose): Promise<void> {
    this.problems = [];
    this.notice = '';
    this.select(-1);
    try {
      const { run, problems } = await this.#runs.start(graph, { task: this.document.task, purpose });
      this.problems = problems;
      this.#setTask(purpose === 'search' ? { searchId: run.id, pictureId: run.id } : { pictureId: run.id });
    } catch (error) {
      this.#fail(error);
    }
    this.#tell();
  }

  async #swapRow(index: number, text: string): Promise<void> {
    const { words } = this.state;
    const swap = this.#templates.get('swap') ?? {};
    const [id] = Object.keys(swap).filter((node) => swap[node].class_type === 'TokenSwap');
    const values = { ...this.document.tasks.swap.values, [`${id}.to`]: text };
    this.#set(changeTask({ ...this.document, task: 'swap' }, { words, values, swapAt: index }, 'swap'));
    await this.run();
  }

  #ended(run: Run): void {
    if (run.purpose === 'aside') return;
    if (run.state === 'failed') this.problems = problemOf(run, this.info);
    const task = run.task ?? this.document.task;
    const state = this.document.tasks[task];
    if (run.state === 'done' && run.purpose === 'search' && state.searchId === run.id) {
      const words = measuredWords(shownBy(run, 'PromptWords', 'words'), state.words);
      const [similarity] = shownBy(run, 'PromptWords', 'similarity');
      this.#undo.set(
        changeTask(
          this.document,
          {
            words: words.length > 0 ? words : wordsOf(promptOf(run)),
            similarity: typeof similarity === 'number' ? similarity : undefined,
          },
          task,
        ),
      );
      writeDocument(this.document);
    }
    this.#tell();
    void this.history.refresh().catch(() => undefined);
  }

  async #onConnected(isOpen: boolean): Promise<void> {
    this.connection = isOpen ? 'open' : 'lost';
    this.#tell();
    if (!isOpen) return;
    if (!this.ready) await this.load();
    await this.#runs.resume().catch(() => undefined);
    await this.history.refresh().catch((error) => {
      this.denied = error instanceof ApiError && error.status === 401;
    });
    this.#tell();
  }

  /** After a reload: the runs whose results are shown. */
  async #recall(): Promise<void> {
    const ids = Object.values(this.document.tasks).flatMap(({ searchId, pictureId }) => [searchId, pictureId]);
    for (const id of new Set(ids)) if (id) await this.#runs.load(id).catch(() => undefined);
    this.#measureSoon();
    this.#tell();
  }

  async #lookUp(index: number): Promise<void> {
    const suggestions = await this.#nearWords(this.#runs, this.context, index);
    if (this.selected !== index) return;
    this.suggestions = suggestions;
    this.#tell();
  }

  #measureSoon(): void {
    clearTimeout(this.#resting);
    this.unmeasured = '';
    if (!this.info.PromptWords) return;
    this.#resting = window.setTimeout(() => void this.#measure(), REST_MS);
  }

  async #measure(): Promise<void> {
    const { words } = this.state;
    const { task } = this.document;
    if (words.length === 0 || words.every(({ contribution }) => contribution !== undefined)) return;
    const measured = await measureWords(this.#runs, this.context);
    // Meanwhile somebody may have gone on typing.
    if (!measured || textOf(this.document.tasks[task].words) !== textOf(words)) return;
    this.unmeasured = typeof measured === 'string' ? measured : '';
    if (typeof measured === 'string') return this.#tell();
    this.#undo.amend(changeTask(this.document, measured, task));
    writeDocument(this.document);
    this.#tell();
  }

  #afterJump(): void {
    this.select(-1);
    writeDocument(this.document);
    void this.#recall();
  }

  #setTask(change: Partial<TaskState>, kind = ''): void {
    this.#set(changeTask(this.document, change), kind);
  }

  #set(document: StudioDocument, kind = ''): void {
    this.#undo.set(document, kind);
    writeDocument(document);
    this.#tell();
  }

  #fail(error: unknown): void {
    if (error instanceof ApiError) {
      this.denied = error.status === 401;
      this.problems = error.problems;
    }
    this.notice = this.problems.length > 0 ? '' : (error as Error).message;
    this.#tell();
  }

  #tell(): void {
    this.dispatchEvent(new Event('change'));
  }
}
