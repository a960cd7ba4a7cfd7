// `x.png [output]`: a file name with the folder that it is in.
import type { FolderType } from './data-folders.ts';

/** The name without its annotation, and the folder it names. */
export function parseAnnotated(annotated: string): { name: string; type?: FolderType } {
  const match = /^(.*?) ?\[(input|output|temp)\]$/s.exec(annotated);
  return match ? { name: match[1], type: match[2] as FolderType } : { name: annotated };
}
