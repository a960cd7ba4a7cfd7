// STRING → INT: how many words a prompt has; shown below the node.

/** @param {import('pez-nodes/nodes').PackApi} api */
export default ({ defineNode, string, port, NodeResult }) => [
  defineNode({
    type: 'WordCount',
    displayName: 'Word Count',
    category: 'example',
    description: 'Counts the words of a prompt. CLIP reads 75 tokens, which is about 60 words.',
    inputs: { prompt: string({ multiline: true, forceInput: true }) },
    outputs: { words: port('INT') },
    outputNode: true,
    run: ({ prompt }) => {
      const words = prompt.split(/[\s,]+/).filter(Boolean).length;
      return new NodeResult({ outputs: { words }, ui: { text: [words === 1 ? '1 word' : `${words} words`] } });
    },
  }),
];
