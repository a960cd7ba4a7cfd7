// A graph that compares texts by the CLIP that the loader offers first.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { standin } from './run-cli.ts';

/** Writes the graph into a folder and returns its path; run it with `--clip` and the path of `standin`. */
export function writeSimilarityGraph(folder: string): string {
  const path = join(folder, 'similarity.json');
  const graph = {
    1: { class_type: 'CLIPLoader', inputs: { clip_name: standin, type: 'stable_diffusion' } },
    2: { class_type: 'CLIPSimilarity', inputs: { clip: ['1', 0], texts_a: 'a fox', texts_b: 'a clock\na dog' } },
    3: { class_type: 'PreviewAny', inputs: { source: ['2', 0] } },
  };
  writeFileSync(path, JSON.stringify(graph));
  return path;
}
