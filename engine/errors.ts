// Errors that a user can mend. Each has a code (documented in docs/errors.md; a test compares the two lists)
// and one sentence that says what was expected, what came and what to do.

/** code → what it means; docs/errors.md repeats this table. */
export const errorCodes = {
  IMAGE_UNREADABLE: 'The image file is missing, is not an image, or is damaged.',
  IMAGE_TOO_LARGE: 'The image has more pixels or bytes than the limit, or takes too long to decode.',
  MODEL_NOT_FOUND: 'No bundled model, folder or hub id of that name, or a file of the model is missing.',
  MODEL_INVALID: 'A file of the model is damaged or is not what this program can read.',
  MODEL_UNSUPPORTED: 'The model is sound, but lacks something that the operation needs.',
  DOWNLOAD_FAILED: 'The hub could not be reached, or what it sent was incomplete or damaged.',
  OP_WITHOUT_GRADIENT: 'An operator on the path from the inputs to the loss has no gradient rule.',
  DEVICE_FAILED: 'The device that models run on is out of memory, was lost, or cannot do what a model needs.',
  MEMORY_EXCEEDED: 'A node of the graph would take more memory than the prompt may.',
  OPTION_INVALID: 'An option has a value outside its range.',
  GRAPH_INVALID: 'The graph of nodes cannot run: an unknown node, a missing input, a wrong link or value.',
  GRAPH_FAILED: 'A node failed while the graph ran.',
  VOCABULARY_EMPTY: 'The vocabulary masks, allow-list and block-list leave no token to choose from.',
  FILE_UNWRITABLE: 'A result file could not be written.',
  FILE_NOT_FOUND: 'There is no file of that name in the data folder.',
  PATH_INVALID: 'A file name has characters or a form that not every system can keep.',
  PATH_OUTSIDE: 'A file name leads out of its folder.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error caused by what came in: callers match on `code`; `message` is one sentence for people. */
export class InputError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'InputError';
    this.code = code;
  }
}
