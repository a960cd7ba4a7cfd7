// Any value → its text, shown on the node and handed on.
import { defineNode, NodeResult, port } from './define-node.ts';
import { describeValue } from './describe-value.ts';

export const previewAny = defineNode({
  type: 'PreviewAny',
  displayName: 'Preview as Text',
  category: 'utils',
  description: 'Shows any value as text: a prompt, a number, a list. Pictures and models are described.',
  searchAliases: ['preview any', 'show text', 'show value', 'inspect', 'debug', 'print'],
  inputs: { source: port('*', { tooltip: 'What to show. Any output can be connected.' }) },
  outputs: { STRING: port('STRING', { tooltip: 'The text shown.' }) },
  outputNode: true,
  run: ({ source }) => {
    const text = describeValue(source);
    return new NodeResult({ outputs: { STRING: text }, ui: { text: [text] } });
  },
});
