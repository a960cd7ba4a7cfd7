// Progress → stderr: a bar on a terminal, occasional lines elsewhere.
import { SingleBar } from 'cli-progress';
import { type DownloadProgress, describePlan, type HubOptions } from '../engine/hub/pull-folder.ts';
import type { InvertProgress } from '../engine/pez/options.ts';

export interface ProgressView<T> {
  update(progress: T): void;
  stop(): void;
}

type Stream = NodeJS.WriteStream;

/** A bar that vanishes when its work is done. */
export const makeBar = (format: string, stream: Stream): SingleBar =>
  new SingleBar({
    format,
    stream,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    fps: 10,
  });

/** Lines of a log, for any number of steps. */
const LOG_LINES = 10;

/** Shows the steps and the best prompt so far. */
export function showInversion(stream: Stream = process.stderr): ProgressView<InvertProgress> {
  const describe = ({ similarity, prompt }: InvertProgress) =>
    prompt ? `${similarity.toFixed(4)}  ${prompt}` : 'looking for a first prompt';
  if (!stream.isTTY) {
    let next = 1;
    return {
      update: (progress) => {
        if (progress.step < next && progress.step < progress.steps) return;
        next = progress.step + Math.ceil(progress.steps / LOG_LINES);
        stream.write(`step ${progress.step}/${progress.steps}  ${describe(progress)}\n`);
      },
      stop: () => {},
    };
  }
  const bar = makeBar('{bar} {value}/{total}  {best}', stream);
  let started = false;
  return {
    update: (progress) => {
      const room = (stream.columns || 80) - 24 - 14;
      const best = [...describe(progress)].slice(0, Math.max(room, 10)).join('');
      if (started) bar.update(progress.step, { best });
      else bar.start(progress.steps, progress.step, { best });
      started = true;
    },
    stop: () => bar.stop(),
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

export interface DownloadView extends ProgressView<DownloadProgress> {
  /** What a loader takes: what will come, how far it is, and what else there is to say. */
  readonly listeners: Required<Pick<HubOptions, 'onPlan' | 'onProgress' | 'onNote'>>;
}

/** Shows one download after another. */
export function showDownloads(stream: Stream = process.stderr): DownloadView {
  let file = '';
  let bar: SingleBar | undefined;
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  const say = (line: string) => {
    stop();
    file = '';
    stream.write(`${line}\n`);
  };
  const update = (progress: DownloadProgress) => {
    const { receivedBytes, totalBytes } = progress;
    const size = `${megabytes(receivedBytes)}/${totalBytes === undefined ? '?' : megabytes(totalBytes)} MB`;
    if (progress.file !== file) {
      stop();
      file = progress.file;
      if (stream.isTTY) {
        bar = makeBar('{bar} {size}  {file}', stream);
        bar.start(totalBytes ?? receivedBytes, receivedBytes, { size, file });
      } else stream.write(`downloading ${file} (${totalBytes === undefined ? '?' : megabytes(totalBytes)} MB)\n`);
    }
    bar?.update(receivedBytes, { size, file });
  };
  return {
    update,
    stop,
    listeners: { onPlan: (plan) => say(`downloading ${describePlan(plan)}`), onProgress: update, onNote: say },
  };
}
