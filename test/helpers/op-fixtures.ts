export const fixtureOps = (): string[] => [];
