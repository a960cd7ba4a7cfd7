// The page at `/` if no front end is configured: what this server offers, and how to use it. It loads nothing from elsewhere.
import type { NodeDefinition } from '../../../nodes/define-node.ts';
import type { ChoiceSources } from '../../../nodes/node-context.ts';
import type { ApiGraph } from '../../../schemas/prompt.ts';
import type { Pack } from '../../packs/packs.ts';
import type { Registry } from '../../packs/registry.ts';
import { PROTOCOL_VERSION, versions } from '../../version.ts';
import { pageScript, pageStyle } from './assets.ts';
import { type Html, html } from './html.ts';
import { type ModelSectionsDeps, modelSections } from './model-sections.ts';

interface PageDeps extends ModelSectionsDeps {
  readonly registry: Registry;
  readonly sources: ChoiceSources;
  readonly packs: readonly Pack[];
  /** Prompts that are running or waiting. */
  readonly queueRemaining: number;
  /** For the policy that lets only this page's own script and style run. */
  readonly nonce: string;
}

/** The page as one HTML text. */
export function renderIndexPage({ registry, sources, offered, kinds, packs, queueRemaining, nonce }: PageDeps): string {
  const types = [...registry.keys()];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pez-nodes</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${pageStyle}</style>
</head>
<body>
<header>
<h1>pez-nodes <small>${versions().own}</small></h1>
<p>From a picture to its prompt, with nodes. This server speaks the protocol of ComfyUI ${PROTOCOL_VERSION}:
its clients and its front end work here.</p>
<p class="state" role="status">Running or waiting: <b id="remaining">${queueRemaining}</b></p>
</header>
<main>
${sendSection(registry, sources)}
${modelSections({ offered, kinds })}
${templatesSection(packs)}
<section><h2>Nodes <small>${types.length}</small></h2>
<p>All of them as JSON: <a href="/object_info">/object_info</a></p>
${groupsOf(registry).map(([category, nodes]) => nodeGroup(category, nodes, packs))}</section>
${packsSection(packs)}
<section><h2>Addresses</h2><ul class="plain">
<li><a href="/queue">/queue</a>, <a href="/history">/history</a>, <a href="/api/jobs">/api/jobs</a>: what waits, what runs, and what was made</li>
<li><a href="/system_stats">/system_stats</a>, <a href="/features">/features</a>: this server</li>
<li><a href="/schemas">/schemas</a>: JSON Schemas of what goes in and comes out</li>
<li><code>/ws?clientId=…</code>: progress, previews and results over a WebSocket</li>
<li><a href="https://docs.comfy.org/development/comfyui-server/comms_routes">The protocol</a>, as ComfyUI documents it</li>
</ul></section>
</main>
<footer>Start with <code>--front-end-root DIR</code> to serve a ComfyUI front end here.</footer>
<script nonce="${nonce}">${pageScript}</script>
</body>
</html>
`;
  return page.text;
}

const heading = (title: string, count: number): Html => html`<h2>${title} <small>${count}</small></h2>`;

/** Category → its nodes, both sorted, PEZ first. */
function groupsOf(registry: Registry): [string, NodeDefinition[]][] {
  const groups = new Map<string, NodeDefinition[]>();
  for (const { definition } of registry.values())
    groups.set(definition.category, [...(groups.get(definition.category) ?? []), definition]);
  return [...groups]
    .sort(([a], [b]) => Number(b === 'PEZ') - Number(a === 'PEZ') || a.localeCompare(b))
    .map(([category, nodes]) => [category, nodes.sort((a, b) => a.displayName.localeCompare(b.displayName))]);
}

function nodeGroup(category: string, nodes: readonly NodeDefinition[], packs: readonly Pack[]): Html {
  const items = nodes.map((node) => {
    const pack = packs.find((candidate) => candidate.nodes.includes(node));
    return html`<li><a href="${helpOf(node, pack)}"><b>${node.displayName}</b></a> <code>${node.type}</code>
<p>${node.description}</p></li>`;
  });
  return html`<details open><summary>${category} <small>${nodes.length}</small></summary><ul class="nodes">${items}</ul></details>`;
}

const helpOf = ({ type }: NodeDefinition, pack: Pack | undefined): string =>
  pack && pack.module !== 'nodes'
    ? `/extensions/${encodeURIComponent(pack.name)}/docs/${encodeURIComponent(type)}.md`
    : `/docs/${encodeURIComponent(type)}/en.md`;

function templatesSection(packs: readonly Pack[]): Html {
  const items = packs.flatMap((pack) =>
    (pack.manifest?.templates ?? []).map(({ name, title, description }) => {
      const file = `${encodeURIComponent(name)}.json`;
      const url =
        pack.module === 'nodes' ? `/templates/${file}` : `/workflow_templates/${encodeURIComponent(pack.name)}/${file}`;
      return html`<li><a href="${url}"><b>${title}</b></a><p>${description}</p></li>`;
    }),
  );
  if (items.length === 0) return html``;
  return html`<section>${heading('Templates', items.length)}<p>Graphs to start from.</p><ul class="nodes">${items}</ul></section>`;
}

/** Packs of others, and why one could not be loaded. */
function packsSection(packs: readonly Pack[]): Html {
  const others = packs.filter(({ module }) => module !== 'nodes');
  if (others.length === 0) return html``;
  const items = others.map(
    ({ name, nodes, error }) =>
      html`<li><b>${name}</b>${error ? html`<p class="bad">did not load: ${error}</p>` : html`<p>${nodes.length} nodes</p>`}</li>`,
  );
  return html`<section>${heading('Packs', others.length)}<ul class="nodes">${items}</ul></section>`;
}

/** A graph that runs here as it is: from the first picture of the input folder to its prompt; without a picture, a text. */
function exampleGraph({ inputImages, clips }: ChoiceSources): ApiGraph {
  const [image] = inputImages();
  if (image === undefined)
    return {
      '1': { class_type: 'PrimitiveString', inputs: { value: 'hello' } },
      '2': { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
    };
  const search = { preset: 'custom', length: 8, seed: 0, steps: 120, restarts: 8 };
  return {
    '1': { class_type: 'LoadImage', inputs: { image } },
    '2': { class_type: 'CLIPLoader', inputs: { clip_name: clips()[0] } },
    '3': { class_type: 'PEZInvert', inputs: { images: ['1', 0], clip: ['2', 0], ...search } },
    '4': { class_type: 'PreviewAny', inputs: { source: ['3', 0] } },
  };
}

function sendSection(registry: Registry, sources: ChoiceSources): Html {
  const graph = exampleGraph(sources);
  const runs = Object.values(graph).every((node) => registry.has(node.class_type));
  // A quote in a file's name must not end the shell's string.
  const prompt = runs ? JSON.stringify({ prompt: graph }).replaceAll("'", "'\\''") : '{"prompt": { … }}';
  const command = `curl -H 'Content-Type: application/json' -d '${prompt}' `;
  return html`<section><h2>Send a graph</h2>
<p>The response has a <code>prompt_id</code>; the result is at <code>/history/&lt;prompt_id&gt;</code>.</p>
<div class="copy"><pre id="curl">${command}<span id="origin">http://127.0.0.1:8188</span>/prompt</pre>
<button type="button" id="copy">Copy</button></div></section>`;
}
