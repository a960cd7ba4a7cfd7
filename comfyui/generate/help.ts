// A definition → web/docs/<Node>.md: the help panel of ComfyUI's front end, which is too narrow for tables.
import type { Input, NodeDefinition } from '../../nodes/define-node.ts';

export const helpPage = ({ displayName, description, inputs, outputs }: NodeDefinition): string =>
  [
    `# ${displayName}`,
    '',
    description,
    '',
    'It runs on a pez-nodes server on your machine: `npx pez-nodes serve --port 8190`.',
    '',
    '## Inputs',
    '',
    ...Object.entries(inputs).map(([name, input]) => `- **${name}**${remarks(input)}: ${explain(input)}`),
    '',
    '## Outputs',
    '',
    ...Object.entries(outputs).map(
      ([name, output]) => `- **${name}** (${output.type}${output.list ? ', a list' : ''}): ${output.tooltip ?? ''}`,
    ),
    '',
  ].join('\n');

const explain = ({ type, options }: Input): string =>
  type === 'CLIP' || type === 'CLIP_VISION'
    ? `${options.tooltip} A name from the server’s list; models that ComfyUI has loaded cannot be connected.`
    : (options.tooltip ?? '');

function remarks({ optional, options: { advanced, default: value } }: Input): string {
  const all = [optional && 'optional', advanced && 'advanced', shown(value)].filter(Boolean);
  return all.length > 0 ? ` (${all.join(', ')})` : '';
}

const shown = (value: unknown): string | false =>
  value !== undefined && value !== '' && typeof value !== 'boolean' && `${value}`;
