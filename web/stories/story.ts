// What a story is: a component in one of its states, made of plain data.
import type { TemplateResult } from 'lit';

export interface Story {
  readonly title: string;
  readonly render: () => TemplateResult;
}

/** A picture without a file: two colours, as an SVG. */
export const picture = (from: string, to: string): string =>
  `data:image/svg+xml,${encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"><rect width="256" height="256" fill="${to}"/><circle cx="128" cy="128" r="84" fill="${from}"/></svg>`,
  )}`;
