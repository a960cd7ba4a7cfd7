// The outputs of a finished job → what lists of jobs show of it: how many, and which one as its preview (protocol: Jobs).
import type { UiOutput } from '../../schemas/events.ts';
import type { JobSummary } from '../../schemas/jobs.ts';
import type { JobOutcome } from '../job.ts';

export type OutcomeSummary = Pick<
  JobSummary,
  'outputs_count' | 'previewable_outputs_count' | 'preview_output' | 'execution_error'
>;

// Our nodes show pictures and text. Packs may show anything (the `ui` of a NodeResult), and front ends list it.
const PREVIEWABLE_KEYS = ['images', 'video', 'audio', '3d', 'text'];
const FILES_3D = /\.(obj|fbx|gltf|glb|usdz)$/i;
const TEXT_FILES = /\.(txt|md|json)$/i;
const MAX_TEXT_CHARS = 1024;

type Item = Record<string, unknown>;
interface Found {
  readonly item: unknown;
  readonly nodeId: string;
  readonly mediaType: string;
}

/** Summarises how a job ended. */
export function summarise({ outputs, messages }: JobOutcome): OutcomeSummary {
  const all = Object.entries(outputs).flatMap(([nodeId, output]) => itemsOf(nodeId, output));
  const previewable = all.filter(isPreviewable);
  const failure = messages.find(([type]) => type === 'execution_error')?.[1] as JobSummary['execution_error'];
  const preview = choosePreview(previewable);
  return {
    outputs_count: all.length,
    previewable_outputs_count: previewable.length,
    ...(preview && { preview_output: preview }),
    ...(failure && { execution_error: failure }),
  };
}

/** Outputs as job details show them: names of 3D files as items, nulls left out. */
export function tidyOutputs(outputs: Readonly<Record<string, UiOutput>>): Record<string, UiOutput> {
  return Object.fromEntries(
    Object.entries(outputs).map(([nodeId, output]) => [
      nodeId,
      Object.fromEntries(
        Object.entries(output).map(([key, items]) => [
          key,
          Array.isArray(items) ? items.map((item) => as3d(item) ?? item).filter((item) => item !== null) : items,
        ]),
      ),
    ]),
  );
}

function itemsOf(nodeId: string, output: UiOutput): Found[] {
  return Object.entries(output)
    .filter(([key, items]) => key !== 'animated' && Array.isArray(items))
    .flatMap(([mediaType, items]) =>
      items.flatMap((item): Found[] => {
        if (mediaType === 'text' && typeof item === 'string') return [{ item, nodeId, mediaType }];
        const file = as3d(item);
        if (file) return [{ item: file, nodeId, mediaType: '3d' }];
        return typeof item === 'object' && item !== null ? [{ item, nodeId, mediaType }] : [];
      }),
    );
}

const as3d = (item: unknown): Item | undefined =>
  typeof item === 'string' && FILES_3D.test(item)
    ? { filename: item, type: 'output', subfolder: '', mediaType: '3d' }
    : undefined;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function isPreviewable({ item, mediaType }: Found): boolean {
  if (PREVIEWABLE_KEYS.includes(mediaType)) return true;
  const { format, filename } = item as Item;
  return (
    /^(video|audio)\//.test(textOf(format)) || FILES_3D.test(textOf(filename)) || TEXT_FILES.test(textOf(filename))
  );
}

function choosePreview(found: readonly Found[]): JobSummary['preview_output'] {
  const files = found.filter(({ item }) => typeof item === 'object');
  const isText = ({ item }: Found) => TEXT_FILES.test(textOf((item as Item).filename));
  const visual = files.filter((entry) => !isText(entry));
  const chosen =
    visual.find(({ item }) => (item as Item).type === 'output') ?? visual[0] ?? files.find(isText) ?? found[0];
  if (!chosen) return undefined;
  const { item, nodeId, mediaType } = chosen;
  if (typeof item !== 'string') return { ...(item as Item), nodeId, mediaType };
  const cut = item.length > MAX_TEXT_CHARS;
  return { content: item.slice(0, MAX_TEXT_CHARS), ...(cut && { truncated: true }), nodeId, mediaType: 'text' };
}
