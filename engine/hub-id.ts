// The name of a model on a hub: `org/name`, with `@revision` if wanted.

export interface HubId {
  /** `org/name` */
  readonly repo: string;
  readonly revision: string;
}

/** Splits `org/name` or `org/name@revision`; undefined for any other form. */
export function parseHubId(name: string): HubId | undefined {
  const [, repo, revision = 'main'] = /^([\w][\w.-]*\/[\w][\w.-]*)(?:@([\w][\w./-]*))?$/.exec(name) ?? [];
  return repo && !revision.includes('..') ? { repo, revision } : undefined;
}
