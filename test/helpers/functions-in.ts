// TypeScript source → its functions, methods and arrow functions, each with its name, first line and number of lines.
import { parseSync } from '@swc/core';

export interface MeasuredFunction {
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
  /** From the first line to the last; what it nests counts too. */
  readonly lines: number;
}

interface Node {
  readonly type: string;
  readonly span?: { readonly start: number; readonly end: number };
  readonly [field: string]: unknown;
}

const FUNCTIONS = [
  ...['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'],
  ...['Constructor', 'ClassMethod', 'PrivateMethod', 'MethodProperty', 'GetterProperty', 'SetterProperty'],
];

/** In the order of their first lines. `tsx`: with JSX. */
export function functionsIn(source: string, { tsx = false }: { tsx?: boolean } = {}): MeasuredFunction[] {
  // Spans are positions in bytes that count on from one parse of this process to the next. A module starts at its first
  // token, after all comments, so a token of ours goes before everything: its position is that of byte 0.
  const text = `;${source.replace(/^#!/, '//')}`;
  const module = parseSync(text, { syntax: 'typescript', tsx, target: 'es2022', decorators: true });
  const lineAt = lineCounter(text, module.span.start);
  const found: MeasuredFunction[] = [];
  const visit = (value: unknown, name?: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (!isNode(value)) return;
    if (FUNCTIONS.includes(value.type) && value.span) {
      const line = lineAt(value.span.start);
      const lines = lineAt(value.span.end - 1) - line + 1;
      found.push({ name: nameOf(value) ?? name ?? '(anonymous)', line, lines });
    }
    for (const child of Object.values(value)) visit(child, nameOf(value));
  };
  visit(module.body);
  return found.sort((a, b) => a.line - b.line);
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The name of a function or of what one is assigned to. */
function nameOf({ type, identifier, id, key }: Node): string | undefined {
  if (type === 'Constructor') return 'constructor';
  const named = (identifier ?? id ?? key) as { value?: unknown; id?: { value?: unknown } } | null | undefined;
  const name = named?.value ?? named?.id?.value;
  if (typeof name !== 'string') return undefined;
  return type.startsWith('Private') ? `#${name}` : name;
}

/** Position → line, where `start` is the position of the text's first byte. */
function lineCounter(text: string, start: number): (position: number) => number {
  const bytes = Buffer.from(text);
  const lineEnds: number[] = [];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lineEnds.push(at);
  return (position) => {
    let [low, high] = [0, lineEnds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lineEnds[middle] < position - start) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}
