// What nodes show → outputs: files, texts, and whatever else, each with an id that leads back to it. (protocol: Outputs of API v2)
import { kindOf, outputIdOf, outputItemAt, outputItems, placeOf } from '../../../../server/http/routes/v2/outputs.ts';

const file = (filename: string, more = {}) => ({ filename, subfolder: '', type: 'output', ...more });
const outputs = {
  '3': { text: ['a prompt', 'another'], candidates: [{ prompt: 'a' }, { prompt: 'b' }], similarity: [0.5, 'x'] },
  '4:2/ü': { images: [file('a.png'), file('clip.mp4')], animated: [false, true] },
  '5': { gifs: [file('a.gif')], audio: [file('a.flac')], latents: [file('a.bin')], '3d': [file('a.glb')], other: [] },
};

test('files, texts and data are outputs; what says how they are shown is none', () => {
  const items = outputItems('job', outputs);
  expect(items.map((item) => [item.place.nodeId, item.name, kindOf(item)])).toEqual([
    ['3', '3_text_1.txt', 'text'],
    ['3', '3_text_2.txt', 'text'],
    ['3', '3_candidates.json', 'file'],
    ['3', '3_similarity_2.txt', 'text'],
    ['3', '3_similarity.json', 'file'],
    ['5', 'a.gif', 'image'],
    ['5', 'a.flac', 'audio'],
    ['5', 'a.bin', 'latent'],
    ['5', 'a.glb', 'file'],
    ['4:2/ü', 'a.png', 'image'],
    ['4:2/ü', 'clip.mp4', 'video'],
  ]);
  expect(items[2].content).toEqual({ text: '[{"prompt":"a"},{"prompt":"b"}]' });
  expect(items[4].content).toEqual({ text: '[0.5]' });
});

test('an id leads back to its output', () => {
  for (const item of outputItems('a job/ü', outputs)) {
    const id = outputIdOf(item.place);
    expect(id).toMatch(/^asset_out_[\w-]+$/);
    expect(outputItemAt(outputs, placeOf(id)!)).toEqual(item);
  }
});
