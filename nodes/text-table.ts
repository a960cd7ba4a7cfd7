// Rows of cells → a table of text with aligned columns, as Markdown, so that it reads well and pastes well.

/** The first row is the head; the first column is set left, numbers right. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|').replace(/\s+/g, ' ')));
  const widths = cells[0].map((_, c) => Math.max(3, ...cells.map((row) => [...(row[c] ?? '')].length)));
  const write = (row: readonly string[]) =>
    `| ${widths.map((width, c) => (c === 0 ? (row[c] ?? '').padEnd(width) : (row[c] ?? '').padStart(width))).join(' | ')} |`;
  const rule = `| ${widths.map((width, c) => (c === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [head, ...body] = cells;
  return [write(head), rule, ...body.map(write)].join('\n');
}
