// One run as the page knows it, and what its messages change of it.

import type { UiOutput } from '../../../schemas/events.ts';
import type { HistoryEntry } from '../../../schemas/history.ts';
import type { ApiGraph } from '../../../schemas/prompt.ts';
import type { Candidate, SearchCourse } from '../../components/data.ts';
import type { FileRef } from '../protocol/api.ts';
import type { TaskId } from '../tasks.ts';

export interface RunError {
  readonly nodeId: string;
  readonly message: string;
  readonly type: string;
}

export type RunState = 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

export interface Run {
  readonly id: string;
  readonly graph: ApiGraph;
  readonly task: TaskId | undefined;
  /** `search`: its words are wanted; `draw`: only its pictures; `aside`: a question of the page that stays out of the history. */
  readonly purpose: Purpose;
  state: RunState;
  /** The node that runs, and how far it is. */
  node: string | undefined;
  value: number;
  max: number;
  nodeStartedAt: number;
  createdAt: number;
  /** The best prompt so far, and its course. */
  prompt: string;
  course: { steps: number[]; best: number[] };
  /** URL of the newest preview, and its node. */
  preview: string;
  previewNode: string;
  outputs: Readonly<Record<string, UiOutput>>;
  error: RunError | undefined;
}

export type Purpose = 'search' | 'draw' | 'aside';

export interface RunMark {
  readonly task?: TaskId;
  readonly purpose: Purpose;
}

export const newRun = (id: string, graph: ApiGraph, { task, purpose }: RunMark): Run => ({
  id,
  graph,
  task,
  purpose,
  state: 'waiting',
  node: undefined,
  value: 0,
  max: 0,
  nodeStartedAt: 0,
  createdAt: Date.now(),
  prompt: '',
  course: { steps: [], best: [] },
  preview: '',
  previewNode: '',
  outputs: {},
  error: undefined,
});

export const isOver = ({ state }: Run): boolean => state === 'done' || state === 'failed' || state === 'stopped';

/** The line that a search writes: `0.8123  tiger orange`. */
const LINE = /^(-?\d\.\d+)\s+(.+)$/s;

export function readLine(run: Run, text: string): void {
  const [, similarity, prompt] = LINE.exec(text) ?? [];
  run.prompt = prompt ?? text;
  if (similarity === undefined || run.value <= (run.course.steps.at(-1) ?? -1)) return;
  run.course = {
    steps: [...run.course.steps, run.value],
    best: [...run.course.best, Number(similarity)],
  };
}

/** What the history says about a run that is over. */
export function readHistory(run: Run, { outputs, status }: HistoryEntry): void {
  run.outputs = outputs;
  run.node = undefined;
  const [type, data] = status.messages.at(-1) ?? ['', {}];
  if (type === 'execution_interrupted') run.state = 'stopped';
  else if (status.status_str === 'success') run.state = 'done';
  else {
    const failure = data as { node_id?: string; exception_message?: string; exception_type?: string };
    run.state = 'failed';
    run.error = {
      nodeId: failure.node_id ?? '',
      message: (failure.exception_message ?? 'The run failed.').trim(),
      type: failure.exception_type ?? '',
    };
  }
  const started = status.messages.find(([name]) => name === 'execution_start')?.[1].timestamp;
  if (typeof started === 'number') run.createdAt = started;
}

/** Pictures that were saved, in order; of a graph without any, those that are shown otherwise. */
export function picturesOf({ graph, outputs }: Pick<Run, 'graph' | 'outputs'>): FileRef[] {
  const of = (classType: string) =>
    Object.entries(outputs).flatMap(([id, shown]) =>
      graph[id]?.class_type === classType ? ((shown.images ?? []) as FileRef[]) : [],
    );
  return of('SaveImage');
}

/** What a node of this class showed under a key. */
export const shownBy = (
  { graph, outputs }: Pick<Run, 'graph' | 'outputs'>,
  classType: string,
  key: string,
): readonly unknown[] =>
  Object.entries(outputs).find(([id, shown]) => graph[id]?.class_type === classType && shown[key])?.[1][key] ?? [];

export const courseOf = (run: Pick<Run, 'graph' | 'outputs' | 'course'>): SearchCourse =>
  (shownBy(run, 'PEZInvert', 'search')[0] as SearchCourse | undefined) ?? run.course;

export const candidatesOf = (run: Pick<Run, 'graph' | 'outputs'>): Candidate[] =>
  shownBy(run, 'PEZInvert', 'candidates') as Candidate[];

/** The prompt that a graph found or was given: for the history and its search. */
export function promptOf({ graph, outputs }: Pick<Run, 'graph' | 'outputs'>): string {
  for (const type of ['TokenSwap', 'PEZInvert', 'DistilPrompt', 'PEZRerank', 'PromptBlend']) {
    const [text] = shownBy({ graph, outputs }, type, 'text');
    if (typeof text === 'string') return text.split('\n\n')[0];
  }
  const typed = Object.values(graph).find(
    ({ class_type: type, inputs }) => type === 'CLIPTextEncode' && typeof inputs.text === 'string' && inputs.text,
  );
  return String(typed?.inputs.text ?? '');
}
