// Ids → text → ids: what counts as faithful, and what the lists leave of a text.
import fc from 'fast-check';
import { createReader } from '../../engine/pez/decode-prompt.ts';
import type { VocabularyName } from '../../engine/pez/options.ts';
import { parseTemplate } from '../../engine/pez/template.ts';
import { createVocabulary } from '../../engine/pez/vocabulary.ts';
import { FIRST_FRAGMENT, towerTokenizer, UNPRINTABLE } from './tower-clip.ts';

const tokenizer = towerTokenizer(158, 159, 24);

interface Lists {
  vocabulary: VocabularyName;
  allow: string[];
  block: string[];
}

type Given = Partial<Lists> & { template?: string; fixed?: ReadonlyMap<number, number> };

function reader({ template = '{}', fixed = new Map(), ...given }: Given = {}) {
  const lists: Lists = { vocabulary: 'all', allow: [], block: [], ...given };
  return createReader({
    fixed,
    tokenizer,
    template: parseTemplate(template, tokenizer),
    allow: lists.allow,
    block: lists.block,
    vocabulary: createVocabulary(tokenizer, 160, lists),
    length: 8,
  });
}

const idsOf = (text: string) => tokenizer.encode(text);
const BA_FRAGMENT = FIRST_FRAGMENT;

test('words are faithful', () => {
  const ids = idsOf('ba be bade');
  expect(reader()(ids)).toMatchObject({ prompt: 'ba be bade', ids, learned: ids, faithful: true });
});

test('a fragment that joins the next word is not faithful, and the reading has the ids of the text', () => {
  const [second] = idsOf('da'); // `ba` + `da</w>` reads "bada"
  const reading = reader()([BA_FRAGMENT, second])!;
  expect(reading.prompt).toBe('bada');
  expect(reading.ids).toEqual(idsOf('bada'));
  expect(reading.faithful).toBe(reading.ids.length === 2);
  const word = reader()([BA_FRAGMENT, ...idsOf('ba')])!; // "baba" is a token of its own
  expect(word).toMatchObject({ ids: idsOf('baba'), faithful: idsOf('baba').length === 2 });
});

test('special tokens leave no trace in the text, and a text of nothing is no reading', () => {
  expect(reader()([158, ...idsOf('ba')])).toMatchObject({ prompt: 'ba', faithful: false });
  expect(reader()([158, 159])).toBeNull();
});

test('any ids: the reading has exactly the ids of its text', () => {
  const ids = fc.array(fc.integer({ min: 0, max: 159 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(ids, fc.constantFrom('{}', 'ba {}', '{} be bi', 'lo{}'), (list, template) => {
      const reading = reader({ template })(list);
      if (!reading) return;
      expect(tokenizer.encode(reading.prompt)).toEqual([...reading.ids]);
      if (reading.faithful) expect(reading.learned).toEqual(list);
    }),
  );
});

test('the vocabulary of words needs no check, and would pass it', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 0, max: FIRST_FRAGMENT - 1 }), { minLength: 1, maxLength: 8 });
  const words = reader({ vocabulary: 'words', template: 'ba {} be' });
  fc.assert(
    fc.property(ids, (list) => {
      const reading = words(list)!;
      expect(reading.faithful).toBe(true);
      expect(tokenizer.encode(reading.prompt)).toEqual([...reading.ids]);
    }),
  );
});

test('in the vocabulary of words a word stands once, and fixed words stay', () => {
  const ids = idsOf('ba be ba bi be');
  expect(reader({ vocabulary: 'words' })(ids)).toMatchObject({ prompt: 'ba be bi', faithful: false });
  expect(reader({ vocabulary: 'printable' })(ids)?.prompt).toBe('ba be ba bi be');
  const fixed = new Map([0, 2].map((at) => [at, ids[at]]));
  expect(reader({ vocabulary: 'words', fixed })(ids)?.prompt).toBe('ba be ba bi be');
});

test('a blocked word that arises from joined tokens does not get into the text', () => {
  const ids = [BA_FRAGMENT, ...idsOf('da'), ...idsOf('lo')]; // "bada lo"
  expect(reader({ block: ['bada'] })(ids)).toMatchObject({ prompt: 'lo', faithful: false });
});

test('a blocked phrase loses a word, not all of them', () => {
  expect(reader({ block: ['be bi'] })(idsOf('ba be bi bo'))?.prompt).toBe('ba bi bo');
});

test('a blocked word may stand in the template, which is the user’s own', () => {
  expect(reader({ block: ['ba'], template: 'ba {}' })(idsOf('be bade lo'))?.prompt).toBe('ba be lo');
});

test('any ids: no blocked string in the text', () => {
  const ids = fc.array(fc.integer({ min: 0, max: UNPRINTABLE - 1 }), { minLength: 1, maxLength: 8 });
  const blocks = fc.uniqueArray(fc.constantFrom('ba', 'de', 'bade', 'lo gu', 'a b', 'gu'), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(ids, blocks, (list, block) => {
      const prompt = reader({ block })(list)?.prompt ?? '';
      expect(block.filter((b) => prompt.includes(b))).toEqual([]);
    }),
  );
});

test('words that no entry of the allow-list explains are left out', () => {
  const read = reader({ allow: ['badefi', 'gu'] });
  const guWord = tokenizer.decode([
    Array.from({ length: 50 }, (_, i) => i).find((i) => tokenizer.decode([i]) === 'gu')!,
  ]);
  expect(guWord).toBe('gu');
  expect(read([...idsOf('badefi'), ...idsOf('gu')])).toMatchObject({ prompt: 'badefi gu', faithful: true });
  expect(read([BA_FRAGMENT, ...idsOf('gu')])).toMatchObject({ prompt: 'bagu' }); // contains an entry
  expect(read([BA_FRAGMENT, ...idsOf('fi')])).toBeNull();
});
