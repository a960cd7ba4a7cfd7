// A value among the inputs of a prompt → is it a link or a literal? A literal that looks like a link is wrapped: `{ "__value__": [...] }`.
import type { Link } from './prompt.ts';
import { isRecord } from './record.ts';

/** `[node id, output index]`: how a link is written among the inputs of a prompt. */
export const isLink = (value: unknown): value is Link =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number';

const isWrapped = (value: unknown): value is { readonly __value__: unknown } =>
  isRecord(value) && Object.hasOwn(value, '__value__');

/** The value of a literal. */
export const unwrapLiteral = (literal: unknown): unknown => (isWrapped(literal) ? literal.__value__ : literal);

/** The literal that `unwrapLiteral` reads as this value. A list stays wrapped: bare, it would be a link. */
export const wrapLiteral = (value: unknown): unknown =>
  Array.isArray(value) || isWrapped(value) ? { __value__: value } : value;
