// npm run bench [-- --all] [-- --only startup|speed|diffusion|server|quality|chain|weights]: one report on stdout, progress on stderr.
// npm run bench -- --only server --against http://127.0.0.1:8188: beside another server of ComfyUI's protocol.
// npm run bench -- --only weights --weights training/runs/full-size --python python3: .safetensors files, beside diffusers on PyTorch.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { integer, oneOf } from '../engine/check.ts';
import { measureChain } from './chain.ts';
import { measureDiffusion } from './diffusion.ts';
import { measureQuality } from './quality.ts';
import type { ShapeName } from './random-clip.ts';
import { measureReuse } from './reuse.ts';
import { measureRace, measureServer } from './server.ts';
import { measureShortening, measureSpeed } from './speed.ts';
import { measureStartup } from './startup.ts';
import { describeMachine, formatTable, type Row } from './table.ts';
import { measureWeights } from './weights.ts';

const { values } = parseArgs({
  options: {
    all: { type: 'boolean' },
    only: { type: 'string' },
    pictures: { type: 'string' },
    against: { type: 'string' },
    weights: { type: 'string' },
    python: { type: 'string', default: 'python3' },
  },
});
const folder = fileURLToPath(new URL('cache', import.meta.url));
const shapes: ShapeName[] = values.all ? ['vit-b32', 'vit-l14', 'vit-h14'] : ['vit-b32'];

const pictures = values.pictures ? Number(values.pictures) : undefined;

const sections: Record<string, () => Promise<Record<string, Row[]>>> = {
  startup: async () => ({ 'Start-up': await measureStartup(shapes, folder) }),
  speed: async () => ({
    Speed: await inTurn(shapes, (shape) => measureSpeed(shape, folder)),
    'Fewer positions': await inTurn(shapes, (shape) => measureShortening(shape, folder)),
    'Steps saved by reuse (pico-clip)': await measureReuse(),
  }),
  diffusion: async () => ({ 'Diffusion (milliseconds)': await measureDiffusion() }),
  server: async () => ({
    'Trivial graphs': await measureRace(values.against),
    ...(values.against === undefined && { Server: await measureServer() }),
  }),
  chain: async () => ({ 'The chain, judged by pico-clip': await measureChain(pictures) }),
  quality: () => measureQuality(pictures),
  weights: async () => (values.weights ? measureWeights({ folder: values.weights, python: values.python }) : {}),
};

if (values.only !== undefined) oneOf('--only', values.only, Object.keys(sections));
if (pictures !== undefined) integer('--pictures', pictures, { min: 1, max: 1000 });
process.stdout.write(`# Bench\n\n${describeMachine()}\n`);
for (const [name, measure] of Object.entries(sections)) {
  if (values.only && values.only !== name) continue;
  process.stderr.write(`${name} …\n`);
  for (const [title, rows] of Object.entries(await measure()))
    process.stdout.write(`\n## ${title}\n\n${formatTable(rows)}\n`);
}

async function inTurn<T>(items: readonly T[], measure: (item: T) => Promise<Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for (const item of items) rows.push(...(await measure(item)));
  return rows;
}
