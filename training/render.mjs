/**
 * Emoji sets -> one picture per (subject, style) pair: `cache/pictures.rgba` (N x 96 x 96 x 4 bytes)
 * and `cache/pairs.json` ([{subject, style, tags, group, hexcode, icon}], in the same order).
 */
import { mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import sharp from 'sharp';
import { iconNames, iconSvg, plainName } from './icons.mjs';

const SIZE = 96;
const FLAGS = 9;
const COMPONENTS = 2;
const load = createRequire(import.meta.url);

/** Emoji that are one subject of their own: no flags, no skin tones, no near-doubles. */
function subjects() {
  const seen = new Set();
  return load('emojibase-data/en/data.json').filter(({ label, group }) => {
    if (group === undefined || group === FLAGS || group === COMPONENTS) return false;
    if (/facing right|^family:|^keycap: [#*]/.test(label)) return false;
    const name = plainName(label);
    return !seen.has(name) && seen.add(name);
  });
}

const render = (svg) =>
  sharp(Buffer.from(svg))
    .resize(SIZE, SIZE, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
    .ensureAlpha()
    .raw()
    .toBuffer();

mkdirSync('cache', { recursive: true });
const pixels = openSync('cache/pictures.rgba', 'w');
const pairs = [];
for (const style of Object.keys(load('./styles.json'))) {
  const set = load(`@iconify-json/${style}/icons.json`);
  const names = iconNames(style, set);
  for (const emoji of subjects()) {
    const icon = names(emoji);
    if (!icon) continue;
    writeSync(pixels, await render(iconSvg(set, icon)));
    const tags = (emoji.tags ?? []).map(plainName);
    pairs.push({ subject: plainName(emoji.label), style, tags, group: emoji.group, hexcode: emoji.hexcode, icon });
  }
}
writeFileSync('cache/pairs.json', JSON.stringify(pairs));
console.log(`${pairs.length} pictures of ${new Set(pairs.map((p) => p.subject)).size} subjects`);
