// A graph from the history or from a picture → the task that it belongs to, and what was set in it.
import type { ApiGraph } from '../../../schemas/prompt.ts';
import { idsOf, isLink } from '../graph/edit.ts';
import { type TaskId, tasks } from '../tasks.ts';
import type { TaskState } from './document.ts';

/** The task whose template has most classes in common with the graph; undefined if the main one is missing in all. */
export function taskOfGraph(graph: ApiGraph, templates: ReadonlyMap<TaskId, ApiGraph>): TaskId | undefined {
  const classes = classesOf(graph);
  const scores = tasks.flatMap(({ id }) => {
    const template = templates.get(id);
    if (!template) return [];
    const wanted = classesOf(template);
    const shared = [...wanted].filter((name) => classes.has(name)).length;
    return [{ id, score: shared / (wanted.size + classes.size - shared) }];
  });
  const best = scores.sort((a, b) => b.score - a.score)[0];
  return best && best.score >= 0.3 ? best.id : undefined;
}

const classesOf = (graph: ApiGraph): Set<string> =>
  new Set(
    Object.values(graph)
      .map((node) => node.class_type)
      .filter((name) => !name.startsWith('Preview') && name !== 'PromptWords'),
  );

/** What differs from the template: values by node and input, pictures, blocked words. */
export function settingsOf(graph: ApiGraph, template: ApiGraph): Pick<TaskState, 'values' | 'blocked' | 'pictures'> {
  const values: Record<string, unknown> = {};
  let blocked: string[] = [];
  for (const [id, { class_type: type, inputs }] of Object.entries(template)) {
    const here = graph[id]?.class_type === type ? graph[id].inputs : undefined;
    if (!here || type === 'LoadImage' || type === 'CLIPLoader' || type === 'CheckpointLoaderSimple') continue;
    for (const [name, value] of Object.entries(here)) {
      if (isLink(value) || isLink(inputs[name]) || value === inputs[name]) continue;
      if (name === 'block' && typeof value === 'string') blocked = entriesOf(value);
      else values[`${id}.${name}`] = value;
    }
  }
  const pictures = idsOf(graph, 'LoadImage').map((id) => String(graph[id].inputs.image));
  return { values, blocked, ...(pictures.length > 0 && { pictures }) };
}

const entriesOf = (text: string): string[] =>
  text
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter(Boolean);
