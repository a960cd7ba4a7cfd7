// models/<kind>/: the kinds, their files, and the metadata of a safetensors file (protocol: Models).
import { readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { DataFolders } from './data-folders.ts';
import { listFiles } from './list-files.ts';

/** ComfyUI's folders: clients ask for these by name. */
const KINDS = [
  'checkpoints configs loras vae text_encoders diffusion_models clip_vision style_models embeddings diffusers vae_approx',
  'controlnet gligen upscale_models latent_upscale_models custom_nodes hypernetworks photomaker classifiers',
  'model_patches audio_encoders',
].flatMap((line) => line.split(' '));

/** ComfyUI's, and ours. */
export const MODEL_EXTENSIONS = ['.ckpt', '.pt', '.pt2', '.bin', '.pth', '.safetensors', '.pkl', '.sft', '.onnx'];

/** ComfyUI's limits: a header with texts, and one with pictures. */
const MAX_HEADER_BYTES = 2 ** 20;
const MAX_COVER_HEADER_BYTES = 8 * 2 ** 20;

/** Links to folders count as folders: models are often kept elsewhere. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // a link that leads nowhere, or to itself
  }
}

/** Kinds in ComfyUI's order, then the other folders of models/. */
export function modelKinds({ models }: DataFolders): string[] {
  const there = readdirSync(models)
    .filter((name) => !name.startsWith('.') && isFolder(join(models, name)))
    .sort();
  return [...new Set([...KINDS, ...there])];
}

/** Sorted names of a kind's model files; undefined if there is no such kind. */
export async function modelFiles(folders: DataFolders, kind: string): Promise<string[] | undefined> {
  if (!modelKinds(folders).includes(kind)) return undefined;
  const names = await listFiles(join(folders.models, kind), { recurse: true, followLinks: true });
  return names.filter((name) => MODEL_EXTENSIONS.includes(extname(name).toLowerCase()));
}

/** `__metadata__` of a safetensors file: text → text; undefined if it has none, or if its header is not valid. */
export async function safetensorsMetadata(
  path: string,
  maxBytes = MAX_HEADER_BYTES,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const file = await open(path);
  try {
    const length = Buffer.alloc(8);
    if ((await file.read(length, 0, 8, 0)).bytesRead < 8) return undefined;
    const size = length.readBigUInt64LE();
    if (size > maxBytes) return undefined;
    const header = Buffer.alloc(Number(size));
    if ((await file.read(header, 0, header.length, 8)).bytesRead < header.length) return undefined;
    const value = JSON.parse(header.toString('utf8')) as Record<string, unknown> | null;
    const metadata = value && Object.hasOwn(value, '__metadata__') ? value.__metadata__ : undefined;
    return metadata !== null && typeof metadata === 'object' && !Array.isArray(metadata)
      ? (metadata as Record<string, unknown>)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

/** The first cover picture inside a safetensors file, in base64: training programs keep them in `ssmd_cover_images`. */
export async function safetensorsCover(path: string): Promise<string | undefined> {
  const covers = (await safetensorsMetadata(path, MAX_COVER_HEADER_BYTES))?.ssmd_cover_images;
  if (typeof covers !== 'string') return undefined;
  try {
    const list: unknown = JSON.parse(covers);
    return Array.isArray(list) && typeof list[0] === 'string' ? list[0] : undefined;
  } catch {
    return undefined;
  }
}
