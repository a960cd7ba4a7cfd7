// What a running node may ask of its executor: progress, previews, files, models. The server implements it.
import type { Clip, VisionTower } from '../engine/clip/clip.ts';
import type { Checkpoint, DiffusionModel, PromptModel } from '../engine/diffusion/checkpoint.ts';
import type { Vae } from '../engine/diffusion/vae.ts';
import type { Frames } from '../engine/image/decode-frames.ts';
import type { PictureReader } from '../engine/image/decoders.ts';
import type { ViewForm } from '../engine/image/view-picture.ts';

export interface NodeContext {
  /** Aborted when the user interrupts; a node that computes for a long time passes it on to the engine. */
  readonly signal: AbortSignal;
  readonly nodeId: string;
  readonly promptId: string;
  /** Which of its calls this is: a node that receives lists is called once per element; else 0. */
  readonly callIndex: number;
  /**
   * Moves the node's progress bar. Throws the signal's reason once the user has interrupted, also in a node that never lets
   * the event loop run (its signal can't be aborted meanwhile).
   */
  progress(value: number, max: number): void;
  /** Shows an encoded picture while the node runs. */
  preview(image: { readonly bytes: Uint8Array; readonly imageType: 'image/jpeg' | 'image/png' }): void;
  /** Shows a line of text below the node while it runs. */
  text(line: string): void;
  readonly files: NodeFiles;
  readonly models: NodeModels;
}

/** A file in one of the data folders, as GET /view addresses it. */
export interface FileRef {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: 'input' | 'output' | 'temp';
}

/** The data folders. Names come from users: every method refuses names that lead out of their folder. */
export interface NodeFiles {
  /** Path of an input by its name (`a.png`, `sub/a.png`, `a.png [output]`). Throws if there is no such file. */
  inputPath(name: string): Promise<string>;
  /**
   * The frames of an input picture, decoded in a process of its own. Throws if there is no such file, if it is not a picture, or if
   * it takes too much time or memory.
   */
  readPicture(name: string, options?: { signal?: AbortSignal }): Promise<Frames>;
  /**
   * Writes files named `<prefix>_<5-digit counter>_.<extension>`, counting on from the files that exist; folders in the
   * prefix become the subfolder; placeholders such as %width% are filled in. One entry of `files` per picture, in order.
   */
  save(request: {
    readonly type: 'output' | 'temp';
    readonly prefix: string;
    readonly extension: string;
    readonly width: number;
    readonly height: number;
    readonly files: readonly Uint8Array[];
  }): Promise<FileRef[]>;
  /** False if the server was started with --disable-metadata: pictures are then written without the graph. */
  readonly writeMetadata: boolean;
}

/** Kinds of models that loaders list. `unet`: what ComfyUI calls diffusion models. */
export type ModelKind = 'checkpoint' | 'clip' | 'clip_vision' | 'lora' | 'unet' | 'vae';

/** The models that a server offers; no others are ever loaded, whatever a graph says. */
export interface OfferedModels {
  /** The names that loaders list. */
  names(kind: ModelKind): readonly string[];
  /** Each of these names → what `locate` gives for it, in one look at the folders. */
  located(kind: ModelKind): ReadonlyMap<string, string>;
  /** What the model is to be loaded by (a bundled name, a path, a hub id); undefined if the server does not offer it. */
  locate(kind: ModelKind, name: string): string | undefined;
}

export interface LoadOptions {
  readonly signal: AbortSignal;
  /** Of a download: bytes, once their number is known. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Models by name, each loaded once and kept until /free unloads it; of several of a kind, the most recently used keep their sessions.
 * Throws MODEL_NOT_FOUND for a name that the server does not offer, and what the engine throws for a model that it can't use.
 */
export interface NodeModels {
  /** A CLIP that judges. */
  clip(name: string, options: LoadOptions): Promise<Clip>;
  checkpoint(name: string, options: LoadOptions): Promise<Checkpoint>;
  /** The picture tower of a CLIP. */
  clipVision(name: string, options: LoadOptions): Promise<VisionTower>;
  /** A U-Net in a file of its own. */
  diffusionModel(name: string): Promise<DiffusionModel>;
  vae(name: string): Promise<Vae>;
  /** The text encoders of a checkpoint from files or folders of CLIPs; `type` is ComfyUI's. */
  textEncoders(names: readonly string[], type: string): Promise<PromptModel>;
  /** Where the file of a LoRA lies. */
  loraPath(name: string): string;
}

/** Lists that combos offer, read again for every object_info and every validation. */
export interface ChoiceSources {
  /** Names of pictures in the input folder, sorted. */
  inputImages(): readonly string[];
  /** Available models of a kind: the chosen one and bundled ones, then what the model folders hold, sorted; `sub/name.safetensors`. */
  models(kind: ModelKind): readonly string[];
  /** `models('clip')` */
  clips(): readonly string[];
  /** `models('checkpoint')` */
  checkpoints(): readonly string[];
  /** What is known by now of the files among them (SD 1.5, SD XL, …), in a few lines for a tooltip. */
  describeModels?(kind: ModelKind): string | undefined;
  /** May a loader load this model? All that are listed and, with --allow-hub, those of the hub. */
  offersModel(kind: ModelKind, name: string): boolean;
}

export type { Checkpoint, Clip, DiffusionModel, Frames, PictureReader, PromptModel, Vae, ViewForm, VisionTower };
