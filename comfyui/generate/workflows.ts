// Example graphs of the pack for ComfyUI's template browser. They start from example.png, which every ComfyUI has.
import { combo, type NodeDefinition } from '../../nodes/define-node.ts';
import type { ApiGraph } from '../../schemas/prompt.ts';
import type { UiGraph04 } from '../../schemas/template.ts';
import { layOut, withDefaults } from '../../templates/layout.ts';

interface Example {
  /** Of the file; a picture of the same name stands beside it. */
  readonly name: string;
  readonly note: string;
  readonly graph: ApiGraph;
}

const node = (class_type: string, inputs: Record<string, unknown>, title?: string) => ({
  class_type,
  inputs,
  ...(title && { _meta: { title } }),
});
const clip = 'pico-clip';

export const examples: readonly Example[] = [
  {
    name: 'Picture to prompt',
    note: 'Finds a prompt that describes a picture. Connect **prompt** to a CLIP Text Encode to draw with it.',
    graph: {
      1: node('LoadImage', { image: 'example.png' }),
      2: node('PEZInvert', { images: ['1', 0], clip }),
      3: node('PreviewAny', { source: ['2', 0] }, 'Prompt'),
      4: node('PreviewImage', { images: ['2', 3] }, 'The search'),
    },
  },
  {
    name: 'Swap the subject',
    note: 'Finds the prompt of a picture and replaces its subject, once per line of **to**. The rest, such as the style, stays.',
    graph: {
      1: node('LoadImage', { image: 'example.png' }),
      2: node('PEZInvert', { images: ['1', 0], clip }),
      3: node('TokenSwap', { clip, prompt: ['2', 0], image: ['1', 0], to: 'tiger, Paris' }),
      4: node('PreviewAny', { source: ['3', 0] }, 'New prompts'),
      5: node('PreviewAny', { source: ['3', 1] }, 'What each word contributes'),
    },
  },
  {
    name: 'Blend two prompts',
    note: 'Blends the prompt of a picture with one of your own into a prompt that is near to both.',
    graph: {
      1: node('LoadImage', { image: 'example.png' }),
      2: node('PEZInvert', { images: ['1', 0], clip }),
      3: node('PromptBlend', { clip, mode: 'joint', prompts: 'a red dragon :: 1', prompt_1: ['2', 2] }),
      4: node('PreviewAny', { source: ['3', 0] }, 'Blended prompt'),
    },
  },
  {
    name: 'Shorten a prompt',
    note: 'Finds the few words that CLIP rates closest to a long prompt, and says how close they are.',
    graph: {
      1: node('DistilPrompt', {
        ratio: 0.3,
        clip,
        text: 'a flat drawing of a red fox beside a green tree, in the style of noto emoji, on a white background',
      }),
      2: node('PreviewAny', { source: ['1', 0] }, 'Short prompt'),
      3: node('CLIPSimilarity', { clip, texts_a: ['1', 0], texts_b: 'a drawing of a fox\na drawing of a house' }),
      4: node('PreviewAny', { source: ['3', 0] }, 'How close it is'),
    },
  },
];

/** Type of socket → the first name in its list: the pack shows names of the server’s models instead. */
const firstNames: Readonly<Record<string, string>> = { CLIP: clip, CLIP_VISION: 'none' };

/** A node as the pack shows it. */
export function inComfyUi(definition: NodeDefinition): NodeDefinition {
  const inputs = Object.entries(definition.inputs).map(([name, input]) => [
    name,
    input.type in firstNames ? { ...combo([firstNames[input.type]]), optional: input.optional } : input,
  ]);
  return { ...definition, inputs: Object.fromEntries(inputs) };
}

/** Path inside comfyui/ → JSON. */
export function workflowFiles(definitions: readonly NodeDefinition[]): Map<string, unknown> {
  const known = new Map(definitions.map((definition) => [definition.type, { definition: inComfyUi(definition) }]));
  return new Map(
    examples.map(({ name, graph, note }) => [
      `example_workflows/${name}.json`,
      withoutOwnTitles(
        layOut({
          name: `comfyui/${name}`,
          graph: withDefaults(graph, known),
          note: `## ${name}\n\n${note}\n\nRuns on a pez-nodes server: \`npx pez-nodes serve --port 8190\``,
          definitions: known,
        }),
        known,
      ),
    ]),
  );
}

type Known = ReadonlyMap<string, { readonly definition: NodeDefinition }>;

/** Titles that say nothing else than the node's name go: the front end then shows that name in the user's language. */
const withoutOwnTitles = (graph: UiGraph04, known: Known): UiGraph04 => ({
  ...graph,
  nodes: graph.nodes.map(({ title, ...node }) =>
    title === known.get(node.type)?.definition.displayName ? node : { ...node, title },
  ),
});
