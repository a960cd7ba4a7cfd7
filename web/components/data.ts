// The plain data that components show. No DOM: whoever prepares it needs no browser.

export interface PromptWord {
  readonly text: string;
  /** Its tokens, where a word has several: their boundaries are drawn. */
  readonly tokens?: readonly string[];
  /** The similarity that is lost without it; unknown until it has been measured. */
  readonly contribution?: number | undefined;
  /** It stays in the next search. */
  readonly pinned?: boolean;
}

/** A word that could stand in the place of the selected one; `change`: of the prompt's similarity. */
export interface Suggestion {
  readonly word: string;
  readonly change: number;
}

/** One of the best prompts of a search. */
export interface Candidate {
  readonly prompt: string;
  readonly similarity: number;
  /** URL of a picture drawn from it. */
  readonly image?: string;
}

/** The course of a search; entry i of each list belongs to `steps[i]`. */
export interface SearchCourse {
  readonly steps: readonly number[];
  /** The best similarity up to that step. */
  readonly best: readonly number[];
  /** Of the searches that still ran at that step; may be empty. */
  readonly similarities?: readonly (readonly number[])[];
}
