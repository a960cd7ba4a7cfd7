// A run that failed → the input that its message names, if it names one of its node's: that is where it is said.
import type { ObjectInfo } from '../graph/slots.ts';
import { isWidget, slotsOf } from '../graph/slots.ts';
import type { InputProblem } from '../protocol/api.ts';
import type { Run } from './run.ts';

/** Messages name the input at their beginning. */
const BEGINNING = 60;

export function problemOf({ graph, error }: Pick<Run, 'graph' | 'error'>, info: ObjectInfo): InputProblem[] {
  if (!error) return [];
  const described = info[graph[error.nodeId]?.class_type ?? ''];
  const beginning = error.message.slice(0, BEGINNING);
  const named =
    described && slotsOf(described).find((slot) => isWidget(slot) && new RegExp(`\\b${slot.name}\\b`).test(beginning));
  return [{ nodeId: error.nodeId, input: named?.name, message: error.message }];
}
