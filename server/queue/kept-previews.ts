// The history → the files in temp/ that it names: these are kept when temp/ is emptied, so that older previews can be shown.
import { stat } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { UiOutput } from '../../schemas/events.ts';
import type { JobStore } from './store.ts';

/** Of the newest prompts; what older ones showed goes. */
const MAX_PROMPTS = 1_000;
const MAX_BYTES = 2 ** 30;

/** Paths relative to `temp`, at most 1 GiB of files, the newest first. */
export async function keptPreviews(store: Pick<JobStore, 'recentOutputs'>, temp: string): Promise<Set<string>> {
  const kept = new Set<string>();
  let bytes = 0;
  for (const name of store.recentOutputs(MAX_PROMPTS).flatMap(tempFilesOf)) {
    if (kept.has(name)) continue;
    const size = await stat(join(temp, name)).then(
      (entry) => entry.size,
      () => undefined,
    );
    if (size === undefined) continue;
    bytes += size;
    if (bytes > MAX_BYTES) return kept;
    kept.add(name);
  }
  return kept;
}

/** What a prompt showed → the names of its files in temp/. */
function tempFilesOf(outputs: Readonly<Record<string, UiOutput>>): string[] {
  const items = Object.values(outputs).flatMap((output) => Object.values(output).flat());
  return items.flatMap((item) => {
    const { filename, subfolder, type } = (item ?? {}) as { filename?: unknown; subfolder?: unknown; type?: unknown };
    if (type !== 'temp' || typeof filename !== 'string') return [];
    return [normalize(join(typeof subfolder === 'string' ? subfolder : '', filename))];
  });
}
