// sharp and transformers.js through their CommonJS builds: sharp's ES module is written with import attributes, which
// Node 20.9 cannot read (20.10 can).
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Image decoding. */
export const sharp: typeof import('sharp').default = require('sharp');

/** transformers.js; loaded at the first call, since it takes a while. */
export const loadTransformers = (): typeof import('@xenova/transformers') => require('@xenova/transformers');
