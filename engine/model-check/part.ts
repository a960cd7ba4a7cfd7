// What is checked of a model: its parts, each with a run on a sample input that is the same on every device.

/** The text that samples are made of. */
export const SAMPLE_TEXT = 'a red fox in the snow';

export interface Part {
  readonly name: string;
  /** A model can do without it: where it lacks it, it is passed over. */
  readonly optional?: boolean;
  /** What the sample takes, where that needs other parts; not measured. */
  prepare?(): Promise<unknown>;
  /** Runs it on its sample and returns what comes out. */
  run(): Promise<readonly Float32Array[]>;
}

/** A model that is loaded for a device. */
export interface Checkable {
  readonly parts: readonly Part[];
  /** Frees the sessions that can be freed; a part that runs again makes new ones. */
  release(): Promise<void>;
}
