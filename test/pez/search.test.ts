// The search walks through the same projected prompts as plain PyTorch.
import { readFileSync } from 'node:fs';
import { createGradientMemory } from '../../engine/pez/gradient-memory.ts';
import { createNearestRows } from '../../engine/pez/nearest.ts';
import { createSearch } from '../../engine/pez/search.ts';
import { createTextGradient } from '../../engine/pez/text-gradient.ts';
import { towerClip } from './tower-clip.ts';

const CASES = ['quick-gelu-4', 'quick-gelu-8', 'quick-gelu-two-targets', 'quick-gelu-l2', 'erf-gelu-4', 'erf-gelu-8'];

interface Fixture {
  tower: string;
  projection: 'cosine' | 'l2';
  optimizer: { lr: number; weightDecay: number };
  startIds: number[];
  targets: { dims: [number, number]; data: number[] };
  weights: number[];
  trace: { ids: number[]; loss: number }[];
}

const readFixture = (name: string): Fixture =>
  JSON.parse(readFileSync(new URL(`../fixtures/pez/${name}.json`, import.meta.url), 'utf8'));

/** Σ wₖ tₖ/|tₖ|. */
function directionOf({ targets: { dims, data }, weights }: Fixture): Float32Array {
  const direction = new Float32Array(dims[1]);
  for (const [k, weight] of weights.entries()) {
    const target = data.slice(k * dims[1], (k + 1) * dims[1]);
    for (const [i, x] of target.entries()) direction[i] += (weight * x) / Math.hypot(...target);
  }
  return direction;
}

async function setUp(fixture: Fixture, starts: number[][], reuse = true) {
  const clip = towerClip(fixture.tower);
  const gradient = await createTextGradient(clip, starts[0].length + 2);
  const gradients = createGradientMemory({ gradient, frame: clip.tokenizer.frame, offset: 1, reuse });
  const search = createSearch({
    rows: await createNearestRows(gradient.table),
    gradients,
    mask: new Float32Array(gradient.table.vocabSize),
    projection: fixture.projection,
    starts,
    learningRate: fixture.optimizer.lr,
    weightDecay: fixture.optimizer.weightDecay,
  });
  return { search, gradients };
}

test.each(CASES)('%s: all 150 projected prompts are those of PyTorch', async (name) => {
  const fixture = readFixture(name);
  expect(fixture.trace).toHaveLength(150);
  const { search } = await setUp(fixture, [fixture.startIds]);
  const direction = directionOf(fixture);
  const total = fixture.weights.reduce((a, b) => a + b, 0);
  for (const { ids, loss } of fixture.trace) {
    const [visit] = await search.step(direction, '');
    expect(visit.ids).toEqual(ids);
    const similarity = visit.embedding.reduce((sum, x, i) => sum + x * direction[i], 0);
    expect(total - similarity).toBeCloseTo(loss, 4);
  }
});

test('restarts in one batch walk as each of them alone', async () => {
  const fixture = readFixture('erf-gelu-8');
  const other = fixture.startIds.map((id) => (id * 37 + 11) % 150);
  const direction = directionOf(fixture);
  const together = await setUp(fixture, [fixture.startIds, other, other.toReversed()]);
  const alone = await setUp(fixture, [other]);
  for (let step = 0; step < 40; step++) {
    const visits = await together.search.step(direction, '');
    const [single] = await alone.search.step(direction, '');
    expect(visits[0].ids).toEqual(fixture.trace[step].ids);
    expect(visits[1].ids).toEqual(single.ids);
  }
});

test('a dropped restart leaves the others on their way', async () => {
  const fixture = readFixture('quick-gelu-two-targets');
  const { search } = await setUp(fixture, [[1, 2, 3, 4, 5, 6], fixture.startIds]);
  const direction = directionOf(fixture);
  for (const [step, { ids }] of fixture.trace.slice(0, 50).entries()) {
    if (step === 10) search.keep([1]);
    const visit = (await search.step(direction, '')).find((v) => v.restart === 1);
    expect(visit?.ids).toEqual(ids);
  }
  expect(search.running).toEqual([1]);
});

test('remembered gradients change nothing and save runs', async () => {
  const fixture = readFixture('erf-gelu-8');
  const direction = directionOf(fixture);
  const walk = async (reuse: boolean) => {
    const { search, gradients } = await setUp(fixture, [fixture.startIds], reuse);
    const seen: string[] = [];
    for (let step = 0; step < 150; step++) seen.push((await search.step(direction, ''))[0].ids.join());
    return { seen, computed: gradients.computed, asked: gradients.asked };
  };
  const [remembering, forgetful] = [await walk(true), await walk(false)];
  expect(remembering.seen).toEqual(forgetful.seen);
  expect(forgetful.computed).toBe(150);
  expect(remembering.asked).toBe(150);
  expect(remembering.computed).toBe(new Set(remembering.seen).size);
});
