// Nothing is missing: every float input of every op of the table was checked, every float output is covered or refused, and a
// rule that forgets an input is an error, never a zero.
import { readFileSync } from 'node:fs';
import { gradientOpsPage } from '../../docs/generate-gradient-ops.ts';
import { addGradient } from '../../engine/autodiff/gradient.ts';
import { everyOutput, type Flow, type GradientRule, noGradient } from '../../engine/autodiff/rule.ts';
import { rules, withoutGradient } from '../../engine/autodiff/rules.ts';
import { specialise } from '../../engine/onnx/specialise.ts';
import { makeModel } from '../helpers/model.ts';
import { fixtureOps, opCases } from '../helpers/op-fixtures.ts';
import { covered, opOf, cases as plainCases } from './rule-cases.ts';
import { linearCases, visionCases } from './rule-cases-vision.ts';

const cases = [...plainCases, ...visionCases, ...linearCases];

interface Schema {
  readonly inputs: readonly (readonly [name: string, isFloat: boolean])[];
  readonly outputs: readonly (readonly [name: string, isFloat: boolean])[];
  readonly variadic?: boolean;
}

/** From the onnx package (training/fixtures/op_schemas.py). */
const schemas: Readonly<Record<string, Schema>> = JSON.parse(
  readFileSync(new URL('../fixtures/op-schemas.json', import.meta.url), 'utf8'),
).ops;

/** Inputs that may be floats, but only say where or how many: rounded to integers, they have the gradient zero. */
const ROUNDED = new Set(['OneHot 0', 'OneHot 1']);

/** Floats that say where to read; a computed one is refused (vision-refusals.test.ts). */
const CONSTANT = new Set(['Resize 1', 'Resize 2']);

/** onnxruntime takes it apart before the walk sees it; the rule has a test of its own (group-norm.test.ts). */
const TAKEN_APART = new Set(['GroupNormalization']);

/** Float outputs that no static model has at inference, beside those that are refused below. */
const TRAINING_ONLY = new Set(['BatchNormalization 1', 'BatchNormalization 2']);

/** `Clip 2`: op and index of the input. */
const checked = new Set([
  ...cases.flatMap(covered),
  ...fixtureOps().flatMap((key) =>
    opCases(key).flatMap(({ gradients }) => gradients.flatMap((g, i) => (g ? [`${key} ${i}`] : []))),
  ),
]);

const floatInputs = (op: string): number[] => {
  const { inputs, variadic } = schemas[op];
  const floats = inputs.flatMap(([, isFloat], i) => (isFloat ? [i] : []));
  return variadic && floats.includes(inputs.length - 1) ? [...floats, inputs.length] : floats;
};

test('every float input of every op of the table is checked', () => {
  const missing = Object.keys(rules).flatMap((op) =>
    floatInputs(op)
      .map((i) => `${op} ${i}`)
      .filter((slot) => !checked.has(slot) && !ROUNDED.has(slot) && !CONSTANT.has(slot)),
  );
  expect(missing).toEqual([]);
});

test('an op whose gradient is said to be zero gives no floats, or was checked, or is random', () => {
  const unchecked = [...withoutGradient.keys()].filter(
    (op) =>
      schemas[op].outputs.some(([, isFloat]) => isFloat) &&
      floatInputs(op).some((i) => !checked.has(`${op} ${i}`)) &&
      !op.startsWith('Random'),
  );
  expect(unchecked).toEqual([]);
});

test('docs/gradient-ops.md is what docs/generate-gradient-ops.ts writes', () => {
  const page = readFileSync(new URL('../../docs/gradient-ops.md', import.meta.url), 'utf8');
  expect(page).toBe(gradientOpsPage());
});

const laterFloatOutputs = Object.keys(rules)
  .filter((op) => !rules[op].everyOutput)
  .flatMap((op) => schemas[op].outputs.flatMap(([, isFloat], i) => (i > 0 && isFloat ? [[op, i] as const] : [])))
  .filter(([op, i]) => !TRAINING_ONLY.has(`${op} ${i}`));

test.each(laterFloatOutputs)('%s: a gradient that reaches its output %i is refused, not dropped', async (op, i) => {
  const { model } = cases.find((c) => opOf(c) === op) ?? { model: fixtureModel(op) };
  const outputs = Array.from({ length: i + 1 }, (_, k) => (k === 0 ? 'y' : `later${k}`));
  const fixed = await specialise(
    makeModel({ ...model, nodes: [{ ...model.nodes[0], outputs }], outputs: ['y', `later${i}`] }),
  );
  const wrt = fixed.inputs.map(({ name }) => name);
  expect(() => addGradient(fixed, { of: `later${i}`, wrt })).toThrow(
    expect.objectContaining({
      code: 'OP_WITHOUT_GRADIENT',
      message: expect.stringContaining(`has no gradient rule for its output ${i + 1}`),
    }),
  );
});

/** The first PyTorch case of an op as a model, in float32. */
function fixtureModel(op: string): Parameters<typeof makeModel>[0] {
  const [{ domain, attrs, opset, inputs }] = opCases(op);
  return {
    nodes: [{ op, domain, inputs: inputs.map((input, i) => (input ? `x${i}` : '')), attributes: attrs }],
    inputs: Object.fromEntries(
      inputs.flatMap((x, i) => (x && !x.type ? [[`x${i}`, { dims: x.dims, type: 'float32' as const }]] : [])),
    ),
    opset,
  };
}

describe('a rule that forgets an input is an error', () => {
  const oneOfEach = [
    ...new Map(cases.filter((c) => opOf(c) in rules && !TAKEN_APART.has(opOf(c))).map((c) => [opOf(c), c])).entries(),
  ];

  /** The table with another rule for one op. */
  const changed = (op: string, change: (flows: readonly Flow[]) => readonly Flow[]) => {
    const rule: GradientRule = (args) => change(rules[op](args));
    return { ...rules, [op]: rules[op].everyOutput ? everyOutput(rule) : rule };
  };

  test.each(oneOfEach)('%s', async (op, { model, wrt }) => {
    const fixed = await specialise(makeModel(model));
    const options = { of: 'y', wrt, cotangent: 'u' };
    expect(() => addGradient(fixed, options)).not.toThrow();
    const fewer = changed(op, (flows) => flows.slice(0, -1));
    expect(() => addGradient(fixed, options, fewer)).toThrow(/its rule knows \d+ of its \d+ inputs/);
    const node = fixed.nodes.find((n) => n.op === model.nodes.at(-1)!.op)!;
    for (const i of node.inputs.keys()) {
      if (!wrt.includes(node.inputs[i])) continue;
      const without = changed(op, (flows) => flows.with(i, null));
      expect(() => addGradient(fixed, options, without)).toThrow(`has no gradient rule for its input ${i + 1}`);
      const zero = changed(op, (flows) => flows.with(i, noGradient('a reason')));
      expect(() => addGradient(fixed, options, zero)).not.toThrow();
    }
  });
});
