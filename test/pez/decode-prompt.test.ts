// Ids → text → ids: which ids are those of their text, and what the lists leave of a text.
import fc from 'fast-check';
import { createPromptDecoder } from '../../engine/pez/decode-prompt.ts';
import type { VocabularyName } from '../../engine/pez/options.ts';
import { parseTemplate } from '../../engine/pez/template.ts';
import { createVocabulary } from '../../engine/pez/vocabulary.ts';
import { FIRST_FRAGMENT, towerTokenizer, UNPRINTABLE } from './tower-clip.ts';

const tokenizer = towerTokenizer(158, 159, 24);

interface Lists {
  vocabularyName: VocabularyName;
  allow: string[];
  block: string[];
}

type Given = Partial<Lists> & { template?: string; fixed?: ReadonlyMap<number, number> };

function decoder({ template = '{}', fixed = new Map(), ...given }: Given = {}) {
  const lists: Lists = { vocabularyName: 'all', allow: [], block: [], ...given };
  return createPromptDecoder({
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

test('words round-trip', () => {
  const ids = idsOf('ba be bade');
  expect(decoder()(ids)).toMatchObject({ prompt: 'ba be bade', ids, learned: ids, roundTrips: true });
});

test('a fragment that joins the next word does not round-trip, and what comes back has the ids of the text', () => {
  const [second] = idsOf('da'); // `ba` + `da</w>` reads "bada"
  const decoded = decoder()([BA_FRAGMENT, second])!;
  expect(decoded.prompt).toBe('bada');
  expect(decoded.ids).toEqual(idsOf('bada'));
  expect(decoded.roundTrips).toBe(decoded.ids.length === 2);
  const word = decoder()([BA_FRAGMENT, ...idsOf('ba')])!; // "baba" is a token of its own
  expect(word).toMatchObject({ ids: idsOf('baba'), roundTrips: idsOf('baba').length === 2 });
});

test('special tokens leave no trace in the text, and an empty text is no prompt', () => {
  expect(decoder()([158, ...idsOf('ba')])).toMatchObject({ prompt: 'ba', roundTrips: false });
  expect(decoder()([158, 159])).toBeNull();
});

test('any ids: the decoded has exactly the ids of its text', () => {
  const ids = fc.array(fc.integer({ min: 0, max: 159 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(ids, fc.constantFrom('{}', 'ba {}', '{} be bi', 'lo{}'), (list, template) => {
      const decoded = decoder({ template })(list);
      if (!decoded) return;
      expect(tokenizer.encode(decoded.prompt)).toEqual([...decoded.ids]);
      if (decoded.roundTrips) expect(decoded.learned).toEqual(list);
    }),
  );
});

test('the vocabulary of words needs no check, and would pass it', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 0, max: FIRST_FRAGMENT - 1 }), { minLength: 1, maxLength: 8 });
  const words = decoder({ vocabularyName: 'words', template: 'ba {} be' });
  fc.assert(
    fc.property(ids, (list) => {
      const decoded = words(list)!;
      expect(decoded.roundTrips).toBe(true);
      expect(tokenizer.encode(decoded.prompt)).toEqual([...decoded.ids]);
    }),
  );
});

test('in the vocabulary of words a word stands once, and fixed words stay', () => {
  const ids = idsOf('ba be ba bi be');
  expect(decoder({ vocabularyName: 'words' })(ids)).toMatchObject({ prompt: 'ba be bi', roundTrips: false });
  expect(decoder({ vocabularyName: 'printable' })(ids)?.prompt).toBe('ba be ba bi be');
  const fixed = new Map([0, 2].map((at) => [at, ids[at]]));
  expect(decoder({ vocabularyName: 'words', fixed })(ids)?.prompt).toBe('ba be ba bi be');
});

test('a blocked word that arises from joined tokens does not get into the text', () => {
  const ids = [BA_FRAGMENT, ...idsOf('da'), ...idsOf('lo')]; // "bada lo"
  expect(decoder({ block: ['bada'] })(ids)).toMatchObject({ prompt: 'lo', roundTrips: false });
});

test('a blocked phrase loses a word, not all of them', () => {
  expect(decoder({ block: ['be bi'] })(idsOf('ba be bi bo'))?.prompt).toBe('ba bi bo');
});

test('a blocked word may stand in the template, which is the user’s own', () => {
  expect(decoder({ block: ['ba'], template: 'ba {}' })(idsOf('be bade lo'))?.prompt).toBe('ba be lo');
});

test('any ids: no blocked string in the text', () => {
  const ids = fc.array(fc.integer({ min: 0, max: UNPRINTABLE - 1 }), { minLength: 1, maxLength: 8 });
  const blocks = fc.uniqueArray(fc.constantFrom('ba', 'de', 'bade', 'lo gu', 'a b', 'gu'), {
    minLength: 1,
    maxLength: 3,
  });
  fc.assert(
    fc.property(ids, blocks, (list, block) => {
      const prompt = decoder({ block })(list)?.prompt ?? '';
      expect(block.filter((b) => prompt.includes(b))).toEqual([]);
    }),
  );
});

test('words that no entry of the allow-list explains are left out', () => {
  const decode = decoder({ allow: ['badefi', 'gu'] });
  const guWord = tokenizer.decode([
    Array.from({ length: 50 }, (_, i) => i).find((i) => tokenizer.decode([i]) === 'gu')!,
  ]);
  expect(guWord).toBe('gu');
  expect(decode([...idsOf('badefi'), ...idsOf('gu')])).toMatchObject({ prompt: 'badefi gu', roundTrips: true });
  expect(decode([BA_FRAGMENT, ...idsOf('gu')])).toMatchObject({ prompt: 'bagu' }); // contains an entry
  expect(decode([BA_FRAGMENT, ...idsOf('fi')])).toBeNull();
});
