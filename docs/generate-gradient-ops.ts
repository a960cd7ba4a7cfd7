// The table of gradient rules → docs/gradient-ops.md, the list of ops. Run: npx tsx docs/generate-gradient-ops.ts
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rules, withoutGradient } from '../engine/autodiff/rules.ts';

/** The page as Markdown. */
export function gradientOpsPage(): string {
  const reasons = [...new Set(withoutGradient.values())];
  return [
    '# Ops that have a gradient',
    '',
    'Written by `npx tsx docs/generate-gradient-ops.ts` from [engine/autodiff/rules.ts](../engine/autodiff/rules.ts); a test compares.',
    'A model is differentiable if every op between the inputs and the loss stands here; any other op is an error that names it.',
    '',
    `## ${Object.keys(rules).length} ops with a rule`,
    '',
    'By each of their float inputs, checked against central differences in float64 or against PyTorch.',
    '',
    wrap(Object.keys(rules)),
    '',
    `## ${withoutGradient.size} ops whose gradient is zero`,
    '',
    '| ops | because the op |',
    '|---|---|',
    ...reasons.map(
      (reason) => `| ${names([...withoutGradient].flatMap(([op, r]) => (r === reason ? [op] : [])))} | ${reason} |`,
    ),
    '',
  ].join('\n');
}

const names = (ops: readonly string[]): string =>
  [...ops]
    .sort()
    .map((op) => `\`${op}\``)
    .join(', ');

/** One paragraph in lines of at most 120 characters. */
const wrap = (ops: readonly string[]): string =>
  names(ops)
    .replace(/(.{1,120})( |$)/g, '$1\n')
    .trimEnd();

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(new URL('gradient-ops.md', import.meta.url), gradientOpsPage());
