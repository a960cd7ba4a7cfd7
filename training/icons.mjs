/** Which icon of an iconify set draws an emoji, and that icon as SVG. */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);
const NAMED_BY_CODE = ['noto', 'twemoji', 'openmoji', 'fluent-emoji-flat'];

/** A label or tag as plain lower-case ASCII words. */
export const plainName = (text) =>
  text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[’'“”"!:,.()#*]/g, '')
    .replace(/[^\x20-\x7e]|[-_/&]/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();

const codeOf = (hexcode) => hexcode.toLowerCase().replace(/-fe0f/g, '');
const squash = (name) => name.replace(/[^a-z0-9]/g, '');

/** emoji -> the icon's name in the set, looked up by code point, else by the names that other sets give it. */
export function iconNames(prefix, set) {
  const charts = NAMED_BY_CODE.map((name) => codeChart(load(`@iconify-json/${name}/chars.json`)));
  const own = codeChart(load(`@iconify-json/${prefix}/chars.json`));
  const bySquashed = new Map([...Object.keys(set.aliases ?? {}), ...Object.keys(set.icons)].map((name) => [squash(name), name]));
  return ({ hexcode, label }) => {
    const code = codeOf(hexcode);
    const names = [...charts.map((chart) => chart.get(code)), plainName(label)].filter(Boolean);
    return own.get(code) ?? names.map((name) => bySquashed.get(squash(name))).find(Boolean);
  };
}

const codeChart = (chars) => new Map(Object.entries(chars).map(([code, name]) => [codeOf(code), name]));

/** One icon of a set as a whole SVG document. */
export function iconSvg(set, name) {
  const icon = set.icons[name] ?? set.icons[set.aliases[name].parent];
  const width = icon.width ?? set.width ?? 16;
  const height = icon.height ?? set.height ?? 16;
  const box = `${icon.left ?? 0} ${icon.top ?? 0} ${width} ${height}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${box}" width="96" height="96">${icon.body}</svg>`;
}
