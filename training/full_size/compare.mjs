// The same graph on two servers of ComfyUI's protocol → how far their pictures are apart, value by value of 0 to 255.
//   node full_size/compare.mjs http://127.0.0.1:8188 http://127.0.0.1:8288 [--checkpoint random-sd15.safetensors] [--lora FILE] [--steps 4] [--side 256]
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const RUNS = [
  ['euler', 'normal'],
  ['dpmpp_2m', 'karras'],
  ['ddim', 'ddim_uniform'],
];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    checkpoint: { type: 'string', default: 'random-sd15.safetensors' },
    lora: { type: 'string' },
    steps: { type: 'string', default: '4' },
    side: { type: 'string', default: '256' },
    seed: { type: 'string', default: '42' },
  },
});

function graph(sampler_name, scheduler) {
  const node = (class_type, inputs) => ({ class_type, inputs });
  const lora = values.lora && { lora_name: values.lora, strength_model: 0.8, strength_clip: 0.6 };
  const [model, clip] = [lora ? 'lora' : 'checkpoint', lora ? 'lora' : 'checkpoint'];
  return {
    checkpoint: node('CheckpointLoaderSimple', { ckpt_name: values.checkpoint }),
    ...(lora && { lora: node('LoraLoader', { model: ['checkpoint', 0], clip: ['checkpoint', 1], ...lora }) }),
    positive: node('CLIPTextEncode', { clip: [clip, 1], text: 'a (red:1.3) fox in the snow, [soft] light' }),
    negative: node('CLIPTextEncode', { clip: [clip, 1], text: 'blurry, text' }),
    latent: node('EmptyLatentImage', { width: Number(values.side), height: Number(values.side), batch_size: 1 }),
    sampler: node('KSampler', {
      model: [model, 0],
      positive: ['positive', 0],
      negative: ['negative', 0],
      latent_image: ['latent', 0],
      seed: Number(values.seed),
      steps: Number(values.steps),
      cfg: 7,
      sampler_name,
      scheduler,
      denoise: 1,
    }),
    picture: node('VAEDecode', { samples: ['sampler', 0], vae: ['checkpoint', 2] }),
    save: node('SaveImage', { images: ['picture', 0], filename_prefix: `compare-${sampler_name}` }),
  };
}

/** → { pixels, seconds }; waits until the history has the prompt. */
async function draw(server, prompt) {
  const started = performance.now();
  const answer = await json(`${server}/prompt`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ prompt }) });
  if (!answer.prompt_id) throw new Error(`${server}: ${JSON.stringify(answer)}`);
  for (;;) {
    const { [answer.prompt_id]: done } = await json(`${server}/history/${answer.prompt_id}`);
    if (done && !done.outputs.save) throw new Error(`${server}: ${JSON.stringify(done.status)}`);
    if (done) {
      const { filename, subfolder, type } = done.outputs.save.images[0];
      const bytes = await (await fetch(`${server}/view?${new URLSearchParams({ filename, subfolder, type })}`)).arrayBuffer();
      return { pixels: await sharp(Buffer.from(bytes)).removeAlpha().raw().toBuffer(), seconds: (performance.now() - started) / 1000 };
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const json = async (url, options) => (await fetch(url, options)).json();

for (const [sampler, scheduler] of RUNS) {
  const pictures = [];
  for (const server of positionals) pictures.push(await draw(server, graph(sampler, scheduler)));
  const [a, b] = pictures.map(({ pixels }) => pixels);
  if (a.length !== b.length) throw new Error('The pictures have different sizes.');
  const differences = Array.from(a, (value, i) => Math.abs(value - b[i]));
  const mean = differences.reduce((sum, d) => sum + d, 0) / differences.length;
  const seconds = pictures.map((picture) => picture.seconds.toFixed(1)).join(' and ');
  console.log(`${sampler}, ${scheduler}: at most ${Math.max(0, ...new Set(differences))} apart, ${mean.toFixed(5)} on average; ${seconds} s`);
}
