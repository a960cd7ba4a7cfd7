// STRING → STRING: a prompt in another case. CLIP does not care, people and other tools do.

const cases = {
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  title: (text) =>
    text.replaceAll(/\p{L}[\p{L}\p{M}'’]*/gu, (word) => word[0].toUpperCase() + word.slice(1).toLowerCase()),
};

/** @param {import('pez-nodes/nodes').PackApi} api */
export default ({ defineNode, string, combo, port }) =>
  defineNode({
    type: 'PromptCase',
    displayName: 'Prompt Case',
    category: 'example',
    description: 'Writes a prompt in lower, upper or title case.',
    inputs: {
      prompt: string({ multiline: true }),
      case: combo(Object.keys(cases), { default: 'lower' }),
    },
    outputs: { prompt: port('STRING') },
    run: ({ prompt, case: name }) => ({ prompt: cases[name](prompt) }),
  });
