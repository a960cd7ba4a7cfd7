// A literal of one input → the value in the input's type, checked against its range and its choices (protocol: Validation order; Literal values).
import type { Input } from '../../nodes/define-node.ts';
import type { ChoiceSources } from '../../nodes/node-context.ts';
import type { PromptError } from '../../schemas/errors.ts';
import { modelHint } from '../model-hint.ts';
import { choicesOf, notOffered } from '../packs/choices.ts';
import { CoercionError, coerce } from './coerce.ts';
import { notConvertible, notInList, type Received, tooBig, tooSmall } from './problems.ts';

type Checked = { readonly value: unknown; readonly error?: PromptError };

/** Converts and checks a literal. `judged`: the node's own validator checks range and choices instead. */
export function checkLiteral(
  input: Input,
  received: Received,
  { judged, sources }: { judged: boolean; sources: ChoiceSources },
): Checked {
  let value: unknown;
  try {
    value = coerce(input.type, received.value);
  } catch (error) {
    if (!(error instanceof CoercionError)) throw error;
    return { value: received.value, error: notConvertible(received, input.type, error.message) };
  }
  return { value, error: judged ? undefined : findFault(input, { ...received, value }, sources) };
}

function findFault(input: Input, received: Received, sources: ChoiceSources): PromptError | undefined {
  const { value } = received;
  const { min, max } = input.options;
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (min !== undefined && value < min) return tooSmall({ ...received, value }, input.type, min);
    if (max !== undefined && value > max) return tooBig({ ...received, value }, input.type, max);
  }
  if (input.type !== 'COMBO') return undefined;
  const bad = notOffered(input, value, sources);
  if (bad.length === 0) return undefined;
  const hint = input.model && typeof bad[0] === 'string' ? modelHint(input.model, bad[0]) : undefined;
  return notInList(received, bad, { choices: choicesOf(input, sources), hint });
}
