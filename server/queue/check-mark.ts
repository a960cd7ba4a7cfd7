// The name of a file that stands beside a database in which damage was seen while it was open: the next start checks it.

export const checkMark = (file: string): string => `${file}-damaged`;
