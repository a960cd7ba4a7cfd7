// The tabs of the studio: each is one template, with the settings that matter in view.

export type TaskId = 'picture' | 'style' | 'blend' | 'swap' | 'shorten' | 'draw';

export interface Task {
  readonly id: TaskId;
  readonly title: string;
  /** What it is good for, in one sentence. */
  readonly about: string;
  /** The graph behind it: `/templates/<template>.json`. */
  readonly template: string;
  /** The one thing to press. */
  readonly verb: string;
  /** What stands where the words will be. */
  readonly invitation: string;
  /** What goes in. `several`: any number of pictures as one batch. */
  readonly input: 'one' | 'several' | 'two' | 'words' | 'text';
  /** `Node.input` of the settings in view; the others are folded. */
  readonly settings: readonly string[];
  /** Settings that stand beside the pictures, one for each. */
  readonly weights?: readonly string[];
  /** `Node.input` of the text that goes in: the long prompt, the words to swap in. */
  readonly text?: string;
  /** The words to begin with, where words go in. */
  readonly words?: readonly string[];
  readonly draws: boolean;
}

export const tasks: readonly Task[] = [
  {
    id: 'picture',
    title: 'Picture to prompt',
    about: 'The words that CLIP finds in a picture, and the picture that they draw.',
    template: 'image-to-prompt-to-image',
    verb: 'Find the words',
    invitation: 'What are its words?',
    input: 'one',
    settings: ['PEZInvert.length', 'PEZInvert.seed', 'PEZInvert.restarts', 'KSampler.seed'],
    draws: true,
  },
  {
    id: 'style',
    title: 'Style',
    about: 'One prompt for what several pictures have in common.',
    template: 'images-to-style-prompt',
    verb: 'Find their style',
    invitation: 'What do they share?',
    input: 'several',
    settings: ['PEZInvert.length', 'PEZInvert.seed', 'PEZInvert.template', 'PEZInvert.negative_prompt'],
    draws: false,
  },
  {
    id: 'blend',
    title: 'Blend',
    about: 'One prompt near to two pictures at once, and what it draws.',
    template: 'blend-to-image',
    verb: 'Blend them',
    invitation: 'What lies between them?',
    input: 'two',
    weights: ['PromptBlend.image_weight_1', 'PromptBlend.image_weight_2'],
    settings: ['PromptBlend.length', 'PromptBlend.mode', 'PromptBlend.seed', 'KSampler.seed'],
    draws: true,
  },
  {
    id: 'swap',
    title: 'Swap a word',
    about: 'Choose a word, write others in its place, and see a picture of each.',
    template: 'swap-to-images',
    verb: 'Draw the row',
    invitation: 'Write a prompt',
    input: 'words',
    words: ['a', 'flat', 'drawing', 'of', 'a', 'butterfly'],
    text: 'TokenSwap.to',
    settings: ['TokenSwap.restore', 'KSampler.seed', 'KSampler.steps'],
    draws: true,
  },
  {
    id: 'shorten',
    title: 'Shorten',
    about: 'A long prompt in a few words that mean the same to CLIP.',
    template: 'distil-prompt',
    verb: 'Shorten it',
    invitation: 'What is it in a few words?',
    input: 'text',
    text: 'PrimitiveStringMultiline.value',
    settings: ['DistilPrompt.length', 'DistilPrompt.ratio', 'DistilPrompt.seed'],
    draws: false,
  },
  {
    id: 'draw',
    title: 'Draw',
    about: 'A prompt, drawn.',
    template: 'text-to-image',
    verb: 'Draw it',
    invitation: 'Write a prompt',
    input: 'words',
    words: ['a', 'tiger'],
    settings: ['KSampler.seed', 'KSampler.steps', 'KSampler.cfg', 'Negative prompt.text'],
    draws: true,
  },
];

export const taskOf = (id: TaskId): Task => tasks.find((task) => task.id === id) ?? tasks[0];
