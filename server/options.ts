// The options of `pez-nodes serve`, and their defaults.
import { totalmem } from 'node:os';

import type { PreviewMethod } from './preview-audience.ts';

export interface ServerOptions {
  /** 8188; 0: any free port. */
  readonly port: number;
  /** Addresses to bind; 127.0.0.1 by default. */
  readonly listen: string;
  /** What every request must show; needed beyond loopback. */
  readonly token?: string;
  /** Beyond loopback without a token: everyone who can reach the server may use it. */
  readonly insecure: boolean;
  /** Files in PEM: the server then speaks https. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** Holds input/, output/, temp/, user/, models/ and the queue's database. */
  readonly dataDir: string;
  /** More folders of models, each laid out like ComfyUI's models/ (checkpoints/, loras/, vae/, …). */
  readonly modelsDirs?: readonly string[];
  /** A ComfyUI: its models/ and its extra_model_paths.yaml are offered, too. */
  readonly comfyui?: string;
  /** Folders of packs. */
  readonly packDirs: readonly string[];
  /** The CLIP that loaders offer first. */
  readonly clip: string;
  /** The checkpoint that loaders offer first; by default the first bundled one. */
  readonly checkpoint?: string;
  /** May graphs name models of the hub, which are then downloaded and run? Otherwise only what loaders list. */
  readonly allowHub?: boolean;
  /** Where models run: cpu, webgpu, cuda, coreml or dml. */
  readonly device: string;
  /** A ComfyUI front end to serve at `/`. */
  readonly frontEndRoot?: string;
  readonly cache: 'classic' | 'none' | { readonly lru: number };
  /** Value of Access-Control-Allow-Origin; without it cross-origin requests are refused. */
  readonly corsOrigin?: string;
  /** Further host names of this server (besides loopback and the bound address). */
  readonly allowedHosts: readonly string[];
  /** Limit of a request's body, bytes. */
  readonly maxUploadBytes: number;
  /** What all uploads together may hold on the disk, bytes. */
  readonly maxUploadsBytes: number;
  /** Limit of a prompt, bytes of JSON. */
  readonly maxPromptBytes: number;
  /** Prompts that may wait. */
  readonly maxQueueLength: number;
  /** Memory that the results of a prompt may take, bytes; by default `halfOfMemory()`. */
  readonly maxMemoryBytes?: number;
  /** Prompts that the history keeps; the oldest go first. Files that they wrote stay. */
  readonly maxHistory: number;
  /** Who gets previews and text unasked: `none`, or everyone who hears the prompt. */
  readonly previewMethod: PreviewMethod;
  readonly writeMetadata: boolean;
  readonly multiUser: boolean;
}

/** Half of this computer's memory, or of what its container may use, in bytes. */
export function halfOfMemory(): number {
  const allowed = process.constrainedMemory?.() ?? 0; // 0, or absurdly much, where nothing is constrained
  return (allowed > 0 ? Math.min(allowed, totalmem()) : totalmem()) / 2;
}

/** What `pez-nodes serve` does without flags. */
export const serverDefaults = {
  port: 8188,
  listen: '127.0.0.1',
  insecure: false,
  dataDir: 'pez-data',
  packDirs: [],
  clip: 'pico-clip',
  device: 'cpu',
  cache: 'classic',
  allowedHosts: [],
  maxUploadBytes: 100 * 2 ** 20,
  maxUploadsBytes: 10 * 2 ** 30,
  maxPromptBytes: 8 * 2 ** 20,
  maxQueueLength: 1000,
  maxHistory: 10_000,
  previewMethod: 'none',
  writeMetadata: true,
  multiUser: false,
} as const satisfies ServerOptions;
