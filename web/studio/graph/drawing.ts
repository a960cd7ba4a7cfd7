// A graph → where its nodes and links stand in a small drawing: columns by depth, as in the graph editor.
import type { ApiGraph } from '../../../schemas/prompt.ts';
import { isLink } from './edit.ts';

export interface DrawnNode {
  readonly id: string;
  readonly title: string;
  readonly x: number;
  readonly y: number;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly DrawnNode[];
  /** SVG paths. */
  readonly links: readonly string[];
}

export const NODE = { width: 150, height: 34 };
const GAP = { x: 44, y: 14 };

export function drawGraph(graph: ApiGraph): Drawing {
  const depth = depthsOf(graph);
  const rows = new Map<number, number>();
  const nodes = Object.entries(graph).map(([id, node]): DrawnNode => {
    const column = depth.get(id) ?? 0;
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    const title = node._meta?.title ?? node.class_type;
    return { id, title, x: column * (NODE.width + GAP.x), y: row * (NODE.height + GAP.y) };
  });
  const at = new Map(nodes.map((node) => [node.id, node]));
  const links = Object.entries(graph).flatMap(([id, { inputs }]) =>
    Object.values(inputs).flatMap((value) => {
      const [from, to] = [isLink(value) ? at.get(value[0]) : undefined, at.get(id)];
      return from && to ? curve(from, to) : [];
    }),
  );
  const columns = Math.max(0, ...depth.values()) + 1;
  const tallest = Math.max(1, ...rows.values());
  return {
    width: columns * (NODE.width + GAP.x) - GAP.x,
    height: tallest * (NODE.height + GAP.y) - GAP.y,
    nodes,
    links: [...new Set(links)],
  };
}

function curve(from: DrawnNode, to: DrawnNode): string {
  const [x1, y1] = [from.x + NODE.width, from.y + NODE.height / 2];
  const [x2, y2] = [to.x, to.y + NODE.height / 2];
  const bend = Math.max(20, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function depthsOf(graph: ApiGraph): Map<string, number> {
  const known = new Map<string, number>();
  const depth = (id: string): number => {
    const before = known.get(id);
    if (before !== undefined) return before;
    known.set(id, 0); // a cycle ends here
    const sources = Object.values(graph[id]?.inputs ?? {}).filter(isLink);
    const value = sources.reduce((most, [source]) => Math.max(most, depth(source) + 1), 0);
    known.set(id, value);
    return value;
  };
  for (const id of Object.keys(graph)) depth(id);
  return known;
}
