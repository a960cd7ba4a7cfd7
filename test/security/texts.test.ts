// Functions that take texts of strangers apart × long texts of every kind of character: each takes linear time.
import { parseWeights } from '../../engine/diffusion/prompt-weights.ts';
import { describeValue } from '../../nodes/describe-value.ts';
import { addPngText, asciiJson } from '../../nodes/png-text.ts';
import { entriesOf, numbersOf } from '../../nodes/read-text.ts';
import { textTable } from '../../nodes/text-table.ts';
import { parseAnnotated } from '../../server/files/annotated-name.ts';
import { fillTokens, nextCounter } from '../../server/files/output-names.ts';
import { safeParts } from '../../server/files/safe-path.ts';
import { parseJson } from '../../server/json.ts';
import { coerce } from '../../server/validate/coerce.ts';
import { shortRepr } from '../../server/validate/python-text.ts';
import { longTexts } from './corpus/texts.ts';

const BOUND_MS = 500;

/** Functions that take texts of strangers apart, expressions that are put together at run time included. */
const functions: Record<string, (text: string) => unknown> = {
  'coerce INT': (text) => coerce('INT', text),
  'coerce FLOAT': (text) => coerce('FLOAT', text),
  'coerce STRING': (text) => coerce('STRING', [text]),
  shortRepr: (text) => shortRepr({ [text]: [text] }),
  parseJson: (text) => parseJson(text),
  'parseJson, in a string': (text) => parseJson(JSON.stringify([text, text])),
  'parseJson, with NaN': (text) => parseJson(`[NaN, ${JSON.stringify(text)}]`),
  parseAnnotated,
  safeParts,
  fillTokens: (text) => fillTokens(text, { width: 1, height: 1, now: new Date(0) }),
  nextCounter: (text) => nextCounter('%batch_num%'.repeat(20), [`${text}_00001_.png`, `${text}x_00001_.png`]),
  'nextCounter, as the name': (text) => nextCounter(text, [`${text}_00001_.png`, `${text.slice(1)}x_00001_.png`]),
  parseWeights,
  'parseWeights, as a weight': (text) => parseWeights(`(a:${text})`),
  entriesOf,
  numbersOf: (text) => numbersOf('n', text),
  textTable: (text) =>
    textTable([
      ['a', 'b'],
      [text, text],
    ]),
  describeValue,
  asciiJson: (text) => asciiJson({ [text]: text }),
  addPngText: (text) => addPngText(new Uint8Array(40), { [text]: 'a' }),
};

test.each(Object.keys(functions))('%s takes linear time for 100 kB of every kind of character', (name) => {
  const timed = longTexts.map(({ unit, text }) => {
    const run = (): number => {
      const started = performance.now();
      try {
        functions[name](text);
      } catch {} // refused: that is for other tests
      return performance.now() - started;
    };
    return { unit, tookMs: run() > BOUND_MS ? run() : 0 };
  });
  expect(timed.filter(({ tookMs }) => tookMs > BOUND_MS)).toEqual([]);
});
