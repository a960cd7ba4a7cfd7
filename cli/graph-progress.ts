// Events of a running graph → stderr: which node runs, its progress as a bar on a terminal, as lines elsewhere.
import type { SingleBar } from 'cli-progress';
import type { ExecutionEvent } from '../schemas/events.ts';
import type { ApiGraph } from '../schemas/prompt.ts';
import { makeBar } from './progress.ts';

export interface GraphView {
  update(event: ExecutionEvent): void;
  stop(): void;
}

/** Shows a graph while it runs. */
export function showGraph(graph: ApiGraph, stream: NodeJS.WriteStream = process.stderr): GraphView {
  const titleOf = (id: string): string => graph[id]?._meta?.title ?? graph[id]?.class_type ?? id;
  let bar: SingleBar | undefined;
  let text = '';
  const stop = () => {
    bar?.stop();
    bar = undefined;
    text = '';
  };
  const showBar = (node: string, value: number, max: number) => {
    if (!stream.isTTY) return;
    const room = Math.max((stream.columns || 80) - 24 - 20, 10);
    const line = { line: [...`${titleOf(node)}  ${text}`].slice(0, room).join('') };
    if (bar) bar.update(value, line);
    else {
      bar = makeBar('{bar} {value}/{total}  {line}', stream);
      bar.start(max, value, line);
    }
  };
  return {
    update({ type, data }) {
      if (type === 'executing' && data.node !== null) {
        stop();
        stream.write(`${titleOf(data.node)} …\n`);
      } else if (type === 'text') text = data.text;
      else if (type === 'progress') showBar(data.node, data.value, data.max);
    },
    stop,
  };
}
