// A name of a model that the server does not offer → a sentence that says what whoever runs the server can do.
import { parseHubId } from '../engine/hub-id.ts';
import type { ModelKind } from '../nodes/node-context.ts';

const FOLDERS: Readonly<Record<ModelKind, string>> = { clip: 'models/clip', checkpoint: 'models/checkpoints' };
/** Hub ids in a message are shown up to this length. */
const MAX_SHOWN = 200;

/** What to do; `name` may be anything that a graph holds. */
export function modelHint(kind: ModelKind, name: string): string {
  const folder = `${FOLDERS[kind]} in the data folder`;
  if (name.length <= MAX_SHOWN && parseHubId(name))
    return `If it is a model of the hub, start the server with --${kind} ${name}, or with --allow-hub if graphs may download any.`;
  if (/[/\\~]/.test(name))
    return `A graph cannot name a path: move the model to ${folder}, or start the server with --${kind} and its path.`;
  return `More models can be put into ${folder}.`;
}
