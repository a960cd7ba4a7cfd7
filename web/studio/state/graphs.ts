// A task and what a person has set → the graphs that are sent: to search, to draw, to measure words, to find near ones.
import type { ApiGraph, Link } from '../../../schemas/prompt.ts';
import {
  batchOf,
  findNode,
  idsOf,
  producerOf,
  prune,
  setAll,
  setInput,
  withBatch,
  withPictures,
  withPrompt,
  withWordReport,
} from '../graph/edit.ts';
import type { ObjectInfo } from '../graph/slots.ts';
import type { Task } from '../tasks.ts';
import type { TaskState } from './document.ts';
import { textOf } from './words.ts';

export interface TaskContext {
  readonly task: Task;
  readonly state: TaskState;
  /** The task's template in API format. */
  readonly template: ApiGraph;
  /** That of the task Draw: for tasks whose own graph draws nothing. */
  readonly drawTemplate: ApiGraph;
  readonly info: ObjectInfo;
  readonly clip: string;
  readonly checkpoint: string;
}

/** The names of the pictures that go in. */
export const picturesIn = ({ task, state, template }: Pick<TaskContext, 'task' | 'state' | 'template'>): string[] => {
  if (!['one', 'two', 'several'].includes(task.input)) return [];
  const given = idsOf(template, 'LoadImage').map((id) => String(template[id].inputs.image));
  return state.pictures ? [...state.pictures] : given;
};

/** The template with everything that is set, and without pins, words and reports. */
export function settledGraph(context: TaskContext): ApiGraph {
  const { task, state, clip, checkpoint } = context;
  let graph = context.template;
  for (const [key, value] of Object.entries(state.values)) {
    const dot = key.lastIndexOf('.');
    const [id, input] = [key.slice(0, dot), key.slice(dot + 1)];
    if (graph[id]) graph = setInput(graph, id, input, value);
  }
  if (clip) graph = setAll(graph, 'CLIPLoader', 'clip_name', clip);
  if (checkpoint) graph = setAll(graph, 'CheckpointLoaderSimple', 'ckpt_name', checkpoint);
  const pictures = picturesIn(context);
  return task.input === 'several' ? withBatch(graph, pictures) : withPictures(graph, pictures);
}

/** What the task's button runs. */
export function taskGraph(context: TaskContext): ApiGraph {
  const { task, state, info } = context;
  const graph = settledGraph(context);
  if (task.id === 'swap') return swapGraph(graph, context);
  if (task.id === 'draw') return setInput(graph, findNode(graph, 'Positive prompt') ?? '', 'text', textOf(state.words));
  const search = withPins(withBlocked(graph, state.blocked), state);
  return prune(info.PromptWords ? withWordReport(search) : search, info);
}

/** The word that is swapped: the one that was chosen, or else the last. */
export const swapIndex = ({ words, swapAt = -1 }: TaskState): number => (words[swapAt] ? swapAt : words.length - 1);

function swapGraph(graph: ApiGraph, { state, info }: TaskContext): ApiGraph {
  const swap = findNode(graph, 'TokenSwap');
  if (!swap) return graph;
  const index = swapIndex(state);
  const { image: _, ...inputs } = graph[swap].inputs;
  const prompt = textOf(state.words);
  const isMeasured = state.words.every(({ tokens }) => tokens);
  const before = state.words.slice(0, index).reduce((sum, { tokens = [] }) => sum + tokens.length, 0);
  const place = isMeasured
    ? { mode: 'position', position: before, count: state.words[index]?.tokens?.length ?? 1 }
    : { mode: 'word', from: state.words[index]?.text ?? '' };
  return prune({ ...graph, [swap]: { ...graph[swap], inputs: { ...inputs, prompt, ...place } } }, info);
}

/** Pinned words are fixed words around the search, and take their share of its length. */
function withPins(graph: ApiGraph, { words }: TaskState): ApiGraph {
  const [invert] = idsOf(graph, 'PEZInvert');
  const pinned = words.filter((word) => word.pinned);
  if (invert === undefined || pinned.length === 0) return graph;
  const { template, length } = graph[invert].inputs;
  const fixed = `${textOf(pinned)} {}`;
  const around = typeof template === 'string' && template.includes('{}') ? template.replace('{}', fixed) : fixed;
  const taken = pinned.reduce((sum, { tokens }) => sum + (tokens?.length ?? 1), 0);
  const left = Math.max(1, Number(length) - taken);
  return setInput(setInput(graph, invert, 'template', around), invert, 'length', left);
}

function withBlocked(graph: ApiGraph, blocked: readonly string[]): ApiGraph {
  if (blocked.length === 0) return graph;
  return ['PEZInvert', 'DistilPrompt'].reduce((changed, classType) => {
    const [id] = idsOf(changed, classType);
    if (id === undefined) return changed;
    const own = String(changed[id].inputs.block ?? '').trim();
    return setInput(changed, id, 'block', [own, ...blocked].filter(Boolean).join(', '));
  }, graph);
}

/** Draws the words as they are. */
export function drawingGraph(context: TaskContext): ApiGraph {
  const text = textOf(context.state.words);
  const graph = settledGraph(context);
  if (context.task.draws && producerOf(graph)) return withPrompt(graph, text, context.info);
  const draw = context.checkpoint
    ? setAll(context.drawTemplate, 'CheckpointLoaderSimple', 'ckpt_name', context.checkpoint)
    : context.drawTemplate;
  return setInput(draw, findNode(draw, 'Positive prompt') ?? '', 'text', text);
}

/** The loader of the CLIP that judges, and the pictures that count for the words. */
function asideGraph({ task, state, template, info, clip }: TaskContext): { graph: ApiGraph; image: Link | undefined } {
  const [loader] = idsOf(template, 'CLIPLoader');
  const clipName = clip || template[loader]?.inputs.clip_name || clipNames(info)[0];
  const pictures = picturesIn({ task, state, template });
  const { nodes, last } = batchOf(task.input === 'several' ? pictures : pictures.slice(0, 1));
  const graph = { clip: { class_type: 'CLIPLoader', inputs: { clip_name: clipName } }, ...nodes };
  return { graph, image: pictures.length > 0 ? last : undefined };
}

const clipNames = (info: ObjectInfo): string[] => {
  const [type] = info.CLIPLoader?.input.required.clip_name ?? [[]];
  return Array.isArray(type) ? type.map(String) : [];
};

const askWith = (context: TaskContext, classType: string, inputs: Readonly<Record<string, unknown>>): ApiGraph => {
  const { graph, image } = asideGraph(context);
  const node = { class_type: classType, inputs: { clip: ['clip', 0], ...(image && { image }), ...inputs } };
  return { ...graph, ask: node };
};

/** Asks what each word carries. */
export const measureGraph = (context: TaskContext): ApiGraph =>
  askWith(context, 'PromptWords', { prompt: textOf(context.state.words) });

/** Asks for words that could stand in the place of one. */
export const nearGraph = (context: TaskContext, word: number): ApiGraph =>
  askWith(context, 'NearestWords', {
    prompt: textOf(context.state.words),
    word,
    count: 12,
    block: context.state.blocked.join(', '),
  });
