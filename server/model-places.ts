// Where models lie: found once by the server process, handed to the worker as JSON.

export interface ModelPlaces {
  /** Absolute paths; each holds a folder for every kind. The first one wins where two have a model of the same name. */
  readonly roots: readonly string[];
  /** Folders of one kind each, from extra_model_paths.yaml. */
  readonly extra: readonly ExtraFolder[];
}

/** A folder with models of one kind, named as the file names it. */
export interface ExtraFolder {
  readonly kind: string;
  /** Absolute. */
  readonly dir: string;
  /** Looked into before all others. */
  readonly isDefault: boolean;
}
