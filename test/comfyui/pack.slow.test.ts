// The pack for ComfyUI, loaded as ComfyUI loads it, with stand-ins for torch and ComfyUI's modules, against a real server.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTestServer, type TestServer } from '../helpers/server.ts';
import { describeWithPython, type PythonPack, startPythonPack } from './python-pack.ts';

const picture = (name: string): string => join(import.meta.dirname, '../../examples', `${name}.png`);
const tiger = picture('tiger');
const house = picture('house');
const clip = 'pico-clip';
const search = { clip, seed: 3, steps: 12, restarts: 2 };
const invert = { ...search, preset: 'custom', length: 3 };
const endless = { ...invert, steps: 1_000_000, early_stop: 0 };

describeWithPython('the pack in ComfyUI', () => {
  let server: TestServer;
  let pack: PythonPack;
  beforeAll(async () => {
    server = await startTestServer();
    pack = await startPythonPack({ PEZ_NODES_URL: server.url });
  });
  afterAll(async () => {
    await pack?.close();
    await server?.close();
  });

  test('importing it imports nothing heavy', () => {
    for (const heavy of ['torch', 'numpy', 'PIL', 'aiohttp', 'comfy', 'comfy_api', 'server'])
      expect(pack.imported).not.toContain(heavy);
  });

  test('its nodes are those of the server, with the names of its CLIPs in place of the socket', async () => {
    const [mine, theirs] = [await pack.ask('info'), await server.get('/object_info')];
    expect(Object.keys(mine).sort()).toEqual([
      'CLIPSimilarity',
      'DistilPrompt',
      'PEZInvert',
      'PromptBlend',
      'TokenSwap',
    ]);
    for (const [name, node] of Object.entries<typeof mine>(mine)) {
      const of = theirs[name];
      for (const key of ['output', 'output_name', 'output_is_list', 'output_tooltips', 'category', 'description'])
        expect([name, key, node[key]]).toEqual([name, key, of[key]]);
      const all = { ...of.input.required, ...of.input.optional };
      const shown = { ...node.input.required, ...node.input.optional };
      expect(Object.keys(shown)).toEqual(Object.keys(all));
      expect(shown.clip[0]).toEqual([clip]);
      for (const [slot, [type, options]] of Object.entries<[string, { options?: unknown }]>(all)) {
        if (slot === 'clip') continue;
        if (slot === 'clip_vision') {
          expect(shown[slot][0]).toEqual(['none']);
          continue;
        }
        const { options: choices, ...rest } = options ?? {};
        expect([slot, shown[slot]]).toEqual([slot, [choices ?? type, rest]]);
      }
    }
  });

  test('both of ComfyUI’s APIs describe the same nodes', async () => {
    const [first, third] = [await pack.ask('info'), await pack.ask('info_v3')];
    expect(third.map(({ name }: { name: string }) => name)).toEqual(Object.keys(first));
    for (const { name, input, output } of third) {
      expect(output.map(([, type]: string[]) => type)).toEqual(first[name].output);
      for (const section of ['required', 'optional'])
        for (const [slot, [type, options]] of Object.entries<[unknown, object]>(first[name].input[section] ?? {})) {
          const expected = Array.isArray(type) ? ['COMBO', { ...options, options: type }] : [type, options];
          expect([slot, input[section][slot]]).toEqual([slot, expected]);
        }
    }
  });

  test('PEZ Invert finds what the server finds, and shows its progress, prompt and plot', async () => {
    const seed = 2n ** 64n - 1n; // folded to 2⁵³ − 1
    const { ui, result } = await pack.run({
      class: 'PEZInvert',
      node: 'outer:5',
      inputs: { ...invert, seed, clip_vision: 'none' },
      images: { images: [tiger] },
    });
    const [prompt, similarity, tokens, plot, candidates] = result;
    expect(prompt.split(' ')).toContain('tiger');
    expect(ui).toMatchObject({ text: [prompt], search: [{ steps: expect.any(Array) }] });
    expect(tokens).toEqual({ prompt, similarity, ids: [expect.any(Number), expect.any(Number), expect.any(Number)] });
    expect(plot.shape).toEqual([1, expect.any(Number), expect.any(Number), 3]);
    expect(candidates[0]).toBe(prompt);
    const told = pack.told.filter(({ node }) => node === 'outer:5');
    expect(told).toContainEqual({ node: 'outer:5', text: expect.stringContaining(prompt), to: 'a browser' });
    const [value, total] = told.findLast(({ progress }) => progress)?.progress ?? [];
    expect(value).toBeGreaterThan(0);
    expect(total).toBeGreaterThanOrEqual(value as number);
    expect(told.filter(({ preview }) => preview)).toContainEqual(
      expect.objectContaining({ preview: { format: 'JPEG', size: [expect.any(Number), expect.any(Number)] } }),
    );
    const { history } = await server.run({
      1: { class_type: 'LoadImage', inputs: { image: await upload(tiger) } },
      2: { class_type: 'CLIPLoader', inputs: { clip_name: clip } },
      3: {
        class_type: 'PEZInvert',
        inputs: { ...invert, images: ['1', 0], clip: ['2', 0], seed: Number.MAX_SAFE_INTEGER },
      },
      4: { class_type: 'PreviewAny', inputs: { source: ['3', 1] } },
    });
    expect(history.outputs[4].text).toEqual([String(similarity)]);
  });

  test('a batch keeps its order, and lists come back as lists', async () => {
    const images = [house, tiger, picture('guitar')];
    const { result } = await pack.run({
      class: 'CLIPSimilarity',
      inputs: { clip, texts_b: 'a tiger\na house' },
      images: { images_a: images },
    });
    const [table, all, maximum] = result;
    expect(table).toContain('image 3');
    expect(all).toHaveLength(6);
    expect(all.indexOf(maximum)).toBe(2); // the second picture, the first text
    expect(all[1]).toBeGreaterThan(all[0]);
  });

  test('Token Swap, Prompt Blend and Distil Prompt run, tokens of one feed the other', async () => {
    const swapped = await pack.run({
      class: 'TokenSwap',
      inputs: { clip, prompt: 'a drawing of a cat', mode: 'word', from: 'cat', to: 'dog\nfox' },
    });
    expect(swapped.result[0]).toEqual(['a drawing of a dog', 'a drawing of a fox']);
    const [, , , [tokens]] = swapped.result;
    const blended = await pack.run({
      class: 'PromptBlend',
      v3: true,
      inputs: { ...search, mode: 'concatenate', prompts: 'a red boat', length: 0, prompt_1: tokens, prompt_2: 'snow' },
    });
    expect(blended.result[0]).toBe('a drawing of a dog snow a red boat');
    expect(blended.result[1]).toHaveLength(3);
    const distilled = await pack.run({
      class: 'DistilPrompt',
      inputs: { ...search, text: 'a big red fox in the snow below a tree', ratio: 0.5, length: 2 },
    });
    expect(distilled.result[0].split(' ')).toHaveLength(2);
  });

  test('two nodes at once', async () => {
    const [a, b] = await Promise.all([
      pack.run({ class: 'PEZInvert', node: 'a', inputs: invert, images: { images: [tiger] } }),
      pack.run({ class: 'PEZInvert', node: 'b', inputs: invert, images: { images: [house] } }),
    ]);
    expect(a.result[0]).not.toEqual(b.result[0]);
    for (const [node, { result }] of Object.entries({ a, b }))
      expect(pack.told.findLast((told) => told.node === node && told.text)?.text).toContain(result[0]);
  });

  test('cancelling in ComfyUI cancels all that runs here', async () => {
    const ends = ['cancelled-1', 'cancelled-2'].map((node) =>
      pack.run({ class: 'PEZInvert', node, inputs: { ...endless, seed: node.length }, images: { images: [tiger] } }),
    );
    const caught = Promise.allSettled(ends);
    await pack.hears(({ node, progress }) => node.startsWith('cancelled') && progress !== undefined);
    await pack.hears(({ node, text }) => node === 'cancelled-1' && text !== undefined);
    await pack.hears(({ node, text }) => node === 'cancelled-2' && text !== undefined);
    const [[, promptId]] = (await server.get('/queue')).queue_running;
    await pack.ask('interrupt');
    for (const end of await caught)
      expect(end).toMatchObject({ status: 'rejected', reason: { name: 'InterruptProcessingException' } });
    expect((await server.get('/queue')).queue_pending).toEqual([]);
    expect((await server.ended(promptId)).status.messages.at(-1)[0]).toBe('execution_interrupted');
  });

  test('a job ends with ComfyUI’s prompt', async () => {
    const other = await startPythonPack({ PEZ_NODES_URL: server.url });
    other.run({ class: 'PEZInvert', inputs: endless, images: { images: [house] } }).catch(() => {});
    await other.hears(({ progress }) => progress !== undefined);
    const [[, promptId]] = (await server.get('/queue')).queue_running;
    await other.close();
    expect((await server.ended(promptId)).status.messages.at(-1)[0]).toBe('execution_interrupted');
  });

  test('errors are the server’s sentences', async () => {
    const tell = (inputs: object) => pack.run({ class: 'TokenSwap', inputs: inputs as Record<string, unknown> });
    const swap = { clip, prompt: 'a cat', mode: 'word', from: 'dog', to: 'fox' };
    await expect(tell({ ...swap, clip: 'ViT-X' })).rejects.toThrow(
      'The pez-nodes server has no CLIP “ViT-X”. It has: pico-clip.',
    );
    const { images, ...rest } = { ...invert, clip_vision: 'eye', images: [tiger] };
    await expect(pack.run({ class: 'PEZInvert', inputs: rest, images: { images } })).rejects.toThrow(
      'The pez-nodes server has no picture tower “eye”. Press R to read its list anew.',
    );
    await expect(tell({ ...swap, mode: 'sideways' })).rejects.toThrow(/^Value not in list: mode: 'sideways'/);
    await expect(tell(swap)).rejects.toThrow(/“dog”|"dog"/);
  });

  const upload = async (file: string): Promise<string> => {
    const form = new FormData();
    form.append('image', new Blob([readFileSync(file)]), 'sent.png');
    const { name } = (await (await fetch(`${server.url}/upload/image`, { method: 'POST', body: form })).json()) as {
      name: string;
    };
    return name;
  };
});
