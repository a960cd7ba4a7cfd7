// The course of an inversion → a PNG: similarity over steps (restarts thin, the best so far bold), the source pictures
// and the prompt that was found.
import sharp from 'sharp';
import { decodeImage, type ImageInput } from '../image/decode-image.ts';
import { drawText, textWidth, wrapText } from './draw-text.ts';

export interface PlotData {
  readonly prompt: string;
  /** One line below the prompt. */
  readonly caption: string;
  /** Entry i of each list belongs to step `steps[i]`. */
  readonly steps: readonly number[];
  readonly best: readonly number[];
  readonly similarities: readonly (readonly number[])[];
  /** Shown at the right; the first two. */
  readonly pictures: readonly ImageInput[];
}

const WIDTH = 1120;
const HEIGHT = 560;
const MARGIN = 28;
const THUMBNAIL = 200;
const MAX_PICTURES = 2;
/** More restarts than this are drawn as every second, third, … */
const MAX_LINES = 64;

/** Renders the plot as PNG bytes, at twice its nominal size so that it is sharp. */
export async function renderPlot(data: PlotData): Promise<Buffer> {
  const pictures = await Promise.all(data.pictures.slice(0, MAX_PICTURES).map(thumbnail));
  const right = pictures.length ? WIDTH - MARGIN * 2 - THUMBNAIL : WIDTH - MARGIN;
  const title = wrapText(`“${data.prompt}”`, WIDTH - MARGIN * 2, 24, 2);
  const top = MARGIN + 18;
  const heading = title.map((line, i) => drawText(line, { x: MARGIN, y: top + i * 32, size: 24, fill: '#111' }));
  const captionY = top + title.length * 32 - 6;
  const box = { left: 84, top: captionY + 26, right, bottom: HEIGHT - 58 };
  const images = pictures.map(
    (png, i) =>
      `<image x="${WIDTH - MARGIN - THUMBNAIL}" y="${box.top + i * (THUMBNAIL + 12)}" width="${THUMBNAIL}" height="${THUMBNAIL}" href="data:image/png;base64,${png.toString('base64')}"/>`,
  );
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH * 2}" height="${HEIGHT * 2}" viewBox="0 0 ${WIDTH} ${HEIGHT}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...heading,
    drawText(data.caption, { x: MARGIN, y: captionY, size: 14, fill: '#666' }),
    drawChart(data, box),
    ...images,
    '</svg>',
  ].join('\n');
  return sharp(Buffer.from(svg)).png().toBuffer();
}

/** The picture on white, whole, in a square. */
async function thumbnail(picture: ImageInput): Promise<Buffer> {
  const { data, width, height } = await decodeImage(picture);
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(THUMBNAIL * 2, THUMBNAIL * 2, { fit: 'contain', position: 'top', background: '#fff' })
    .png()
    .toBuffer();
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

function drawChart({ steps, best, similarities }: PlotData, box: Box): string {
  const values = [...best, ...similarities.flat()].filter(Number.isFinite);
  const yTicks = niceTicks(Math.min(...values, 1), Math.max(...values, -1), 6);
  const xTicks = niceTicks(0, Math.max(steps.at(-1) ?? 1, 1), 8);
  const [yLow, yHigh] = [yTicks[0], yTicks.at(-1)!];
  const xHigh = Math.max(steps.at(-1) ?? 1, 1);
  const x = (step: number) => box.left + (step / xHigh) * (box.right - box.left);
  const y = (value: number) => box.bottom - ((value - yLow) / (yHigh - yLow)) * (box.bottom - box.top);
  const decimals = Math.max(0, Math.ceil(-Math.log10(yTicks[1] - yTicks[0]) - 1e-9));
  const parts = yTicks.map(
    (v) =>
      `<path d="M${box.left} ${y(v).toFixed(1)}H${box.right}" stroke="#e4e4e4"/>${drawText(v.toFixed(decimals), { x: box.left - 10, y: y(v) + 5, size: 13, anchor: 'end', fill: '#555' })}`,
  );
  for (const v of xTicks.filter((tick) => tick <= xHigh))
    parts.push(
      `<path d="M${x(v).toFixed(1)} ${box.bottom}v6" stroke="#555"/>${drawText(String(v), { x: x(v), y: box.bottom + 22, size: 13, anchor: 'middle', fill: '#555' })}`,
    );
  const stride = Math.ceil(Math.max(...similarities.map((s) => s.length), 1) / MAX_LINES);
  const thin = restartLines(steps, similarities, stride).map((line) => pathOf(line, x, y));
  parts.push(`<path d="${thin.join('')}" fill="none" stroke="#7aa6d8" stroke-width="1" stroke-opacity="0.7"/>`);
  const bold = best.map((value, i) => [steps[i], value] as const).filter(([, value]) => Number.isFinite(value));
  parts.push(
    `<path d="${pathOf(bold, x, y)}" fill="none" stroke="#d9480f" stroke-width="2.6" stroke-linejoin="round"/>`,
    `<path d="M${box.left} ${box.top}V${box.bottom}H${box.right}" fill="none" stroke="#555"/>`,
    drawText('step', { x: (box.left + box.right) / 2, y: box.bottom + 44, size: 14, anchor: 'middle' }),
    drawText('similarity (cosine)', { x: 26, y: (box.top + box.bottom) / 2, size: 14, anchor: 'middle', rotate: -90 }),
    drawLegend(box),
  );
  return parts.join('\n');
}

function drawLegend({ right, bottom }: Box): string {
  const rows = [
    { label: 'best prompt so far', stroke: '#d9480f', width: 2.6 },
    { label: 'each restart', stroke: '#7aa6d8', width: 1 },
  ];
  const left = right - 44 - Math.max(...rows.map(({ label }) => textWidth(label, 13)));
  return rows
    .map(({ label, stroke, width }, i) => {
      const at = bottom - 34 + i * 20;
      return `<path d="M${left} ${at}h26" stroke="${stroke}" stroke-width="${width}"/>${drawText(label, { x: left + 34, y: at + 5, size: 13, fill: '#333' })}`;
    })
    .join('');
}

type Line = (readonly [number, number])[];

/** Lines of single restarts: when some are dropped, the rest begin new lines, since the list does not say which. */
function restartLines(steps: readonly number[], similarities: PlotData['similarities'], stride: number): Line[] {
  const lines: Line[] = [];
  let open: Line[] = [];
  similarities.forEach((row, i) => {
    if (row.length !== open.length) {
      open = row.map((): Line => []);
      lines.push(...open.filter((_, k) => k % stride === 0));
    }
    row.forEach((value, k) => {
      if (Number.isFinite(value)) open[k].push([steps[i], value]);
    });
  });
  return lines.filter((line) => line.length > 0);
}

const pathOf = (line: Line, x: (step: number) => number, y: (value: number) => number): string =>
  line.map(([step, value], i) => `${i === 0 ? 'M' : 'L'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join('');

/** Round numbers that cover low to high: steps of 1, 2 or 5 times a power of ten. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high > low ? high - low : Math.abs(high) || 1;
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((m) => m * power >= raw - 1e-12) ?? 10) * power;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
