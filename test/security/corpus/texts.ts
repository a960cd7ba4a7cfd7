// Long texts of every kind of character: 100 kB, on which what takes quadratic time takes a second and more.

export const LENGTH = 100_000;

/** What a text is made of: one character of each class, and pairs at which expressions branch. */
export const UNITS = [
  ...['0', '1', 'a', 'Z', '_', '-', '+', '.', ',', ':', ';', '/', '\\', '|', '%', '#', '@', '~', '$', '*', '?', '!'],
  ...[' ', '\t', '\n', '\r\n', '\u00a0', '\0', '"', "'", '`', '(', ')', '[', ']', '{', '}', '<', '>', '&', '='],
  ...[
    'é',
    '你',
    '😀',
    '\ud800',
    '1.',
    '1_',
    '.1',
    '1e',
    'a.',
    'a/',
    '::',
    '(:',
    ' \n',
    '\\"',
    '%batch_num%',
    '__value__',
  ],
  ...[' .', '.onnx_data', '-1.a', 'x-1.', '"(', 'a b', '[output', 'inf', 'nan', 'xml+', '%20', '=1;', 'N', '1,', '{}'],
];

export const repeat = (unit: string): string => unit.repeat(Math.ceil(LENGTH / unit.length));

/** The unit again and again; and with an end at which an expression fails, and tries again. */
export const longTexts: readonly { readonly unit: string; readonly text: string }[] = UNITS.flatMap((unit) =>
  ['', '\u0001'].map((end) => ({ unit, text: repeat(unit) + end })),
);
