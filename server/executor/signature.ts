// Cache keys: a node's class, fingerprint and inputs, and those of everything before it, as one hash. No node ids in it.
import { createHash } from 'node:crypto';
import type { NodeFiles } from '../../nodes/node-context.ts';
import type { Registry } from '../packs/registry.ts';
import type { DynamicGraph, GraphNode } from './graph.ts';

/** Literals nested deeper than this are not hashed. */
const MAX_LITERAL_DEPTH = 100;

class Unhashable extends Error {}

/** Canonical text of a value: equal for equal values, whatever the order of keys. Throws Unhashable. */
function encode(value: unknown, depth = 0): string {
  if (depth > MAX_LITERAL_DEPTH) throw new Unhashable();
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean' || value === null || value === undefined) return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') {
    if (Number.isNaN(value)) throw new Unhashable(); // NaN never equals itself
    return Object.is(value, -0) ? '0' : String(value);
  }
  if (typeof value !== 'object') throw new Unhashable();
  if (Array.isArray(value)) return `[${value.map((v) => encode(v, depth + 1)).join()}]`;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `${value.constructor.name}(${createHash('sha256').update(bytes).digest('hex')})`;
  }
  if (value instanceof Date) return `Date(${value.getTime()})`;
  const entries = Object.entries(value);
  if (Object.prototype.toString.call(value) !== '[object Object]' || !isPlain(value)) throw new Unhashable();
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, v]) => `${JSON.stringify(key)}:${encode(v, depth + 1)}`)
    .join()}}`;
}

/** Made by a literal, JSON or Object.create(null), in whichever realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export interface Signatures {
  /** The key of a node's result; undefined: its result is never found again (NaN, values that can't be hashed). */
  keyOf(id: string): Promise<string | undefined>;
}

/**
 * Keys of the nodes of a graph, each computed once; fingerprints (IS_CHANGED) see the literals and the hidden values.
 * A fingerprint that throws counts as NaN: the node and all that follow run again.
 */
export function createSignatures(options: {
  readonly graph: DynamicGraph;
  readonly registry: Registry;
  readonly files: NodeFiles;
  readonly hidden: (node: GraphNode) => Readonly<Record<string, unknown>>;
}): Signatures {
  const { graph, registry, files, hidden } = options;
  const keys = new Map<string, string | undefined>();

  async function fingerprint(node: GraphNode): Promise<unknown> {
    const definition = registry.get(node.classType)?.definition;
    if (!definition?.fingerprint) return undefined;
    const literals = [...node.inputs].flatMap(([name, source]) =>
      'literal' in source && Object.hasOwn(definition.inputs, name) ? [[name, source.literal]] : [],
    );
    try {
      return await definition.fingerprint({ ...Object.fromEntries(literals), ...hidden(node) }, { files });
    } catch {
      return Number.NaN;
    }
  }

  async function compute(node: GraphNode): Promise<string | undefined> {
    const definition = registry.get(node.classType)?.definition;
    if (!definition) return undefined;
    const own = definition.notIdempotent || Object.values(definition.hidden ?? {}).includes('UNIQUE_ID');
    const inputs: unknown[] = [];
    for (const [name, source] of [...node.inputs].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if ('literal' in source) inputs.push([name, 'literal', source.literal]);
      else {
        const key = keys.get(source.link[0]);
        if (key === undefined) return undefined;
        inputs.push([name, 'link', key, source.link[1]]);
      }
    }
    try {
      const text = encode([node.classType, own ? node.id : null, await fingerprint(node), inputs]);
      return createHash('sha256').update(text).digest('base64');
    } catch (error) {
      if (error instanceof Unhashable) return undefined;
      throw error;
    }
  }

  return {
    async keyOf(id) {
      // Ancestors first, without recursion: graphs may be deep. A node met again while open is on a cycle: no key.
      const open = new Set<string>();
      const stack = [id];
      while (stack.length > 0) {
        const current = stack[stack.length - 1];
        const node = graph.get(current);
        const before =
          node && !open.has(current)
            ? [...node.inputs.values()].flatMap((s) => ('link' in s && !keys.has(s.link[0]) ? [s.link[0]] : []))
            : [];
        open.add(current);
        const waiting = before.filter((b) => !open.has(b));
        if (waiting.length > 0 && !keys.has(current)) {
          stack.push(...waiting);
          continue;
        }
        stack.pop();
        if (!keys.has(current)) keys.set(current, node && (await compute(node)));
      }
      return keys.get(id);
    },
  };
}
