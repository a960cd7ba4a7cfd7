// A link among the inputs of a node → the output that it names, or a sentence that says what is wrong with it.
import type { Output } from '../../nodes/define-node.ts';
import type { ApiNode } from '../../schemas/prompt.ts';
import type { Registry } from '../packs/registry.ts';
import type { Raised } from './problems.ts';
import { shortRepr } from './python-text.ts';

/** The node can't be validated. `raised.type` is the Python class that ComfyUI raises here: clients read it. */
export class UnusableNodeError extends Error {
  readonly raised: Raised;
  constructor(type: 'KeyError' | 'IndexError' | 'TypeError', message: string) {
    super(message);
    this.raised = { type, message };
  }
}

interface LinkedOutput extends Pick<Output, 'type' | 'list'> {
  readonly node: string;
}

interface LinkPlace {
  /** The input that holds the link. */
  readonly input: string;
  readonly graph: ReadonlyMap<string, ApiNode>;
  readonly registry: Registry;
}

/** Resolves a link. Throws UnusableNodeError if there is no such node or output. */
export function linkedOutput(link: readonly unknown[], { input, graph, registry }: LinkPlace): LinkedOutput {
  const fail = (type: 'KeyError' | 'IndexError' | 'TypeError', reason: string): never => {
    throw new UnusableNodeError(
      type,
      `Input '${input}' has the link ${shortRepr(link)}, but ${reason}. ` +
        "A link must be [node id, output index], for example ['4', 0].",
    );
  };
  const [id, slot] = link;
  if (typeof id !== 'string') {
    return fail(typeof id === 'object' && id !== null ? 'TypeError' : 'KeyError', 'a node id is a string');
  }
  const node = graph.get(id);
  if (node === undefined) return fail('KeyError', `the prompt has no node ${shortRepr(id)}`);
  if (!Number.isInteger(slot)) return fail('TypeError', 'an output index is an integer');
  const outputs = Object.values(registry.get(node.class_type)!.definition.outputs);
  const output = outputs[slot as number];
  if (output === undefined) return fail('IndexError', `node ${shortRepr(id)} (${node.class_type}) ${has(outputs)}`);
  return { node: id, type: output.type, list: output.list };
}

function has({ length }: readonly Output[]): string {
  if (length === 0) return 'has no outputs';
  return length === 1 ? 'has one output, with index 0' : `has ${length} outputs, with indices 0 to ${length - 1}`;
}
