// The look that all components share. Every colour and font is a CSS variable: set --pez-… on any element above.
import { css } from 'lit';

export const theme = css`
  :host {
    --ink: var(--pez-ink, light-dark(#1f1d1a, #ece8e1));
    --soft: var(--pez-soft, light-dark(#655f56, #aaa398));
    --surface: var(--pez-surface, light-dark(#ffffff, #211f1c));
    --sunken: var(--pez-sunken, light-dark(#f3f0ea, #191815));
    --line: var(--pez-line, light-dark(#e2ddd3, #38342e));
    --edge: var(--pez-edge, light-dark(#918a7d, #7b7468));
    --accent: var(--pez-accent, light-dark(#ad3f0c, #ff9d6f));
    --on-accent: var(--pez-on-accent, light-dark(#ffffff, #1d120b));
    --wash: color-mix(in srgb, var(--accent) 10%, var(--surface));
    --sans: var(--pez-sans, system-ui, sans-serif);
    --serif: var(--pez-serif, Georgia, 'Times New Roman', serif);
    --radius: var(--pez-radius, 10px);
    display: block;
    color: var(--ink);
    font: 400 14px/1.5 var(--sans);
    overflow-wrap: anywhere;
  }
  :host([hidden]) {
    display: none;
  }
  *,
  ::before,
  ::after {
    box-sizing: border-box;
  }
  button,
  input,
  textarea,
  select {
    font: inherit;
    color: inherit;
  }
  button {
    cursor: pointer;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }
  svg.icon {
    width: 16px;
    height: 16px;
    flex: none;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.6;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    ::before,
    ::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;

/** Buttons: plain ones, `.primary` for the one thing to press, `.quiet` for those that stand in rows, `.square` for icons. */
export const buttons = css`
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 8px;
    min-height: 36px;
    padding: 6px 14px;
    border: 1px solid var(--line);
    border-radius: 9px;
    background: var(--surface);
    font-weight: 500;
    line-height: 1.2;
    text-decoration: none;
    color: var(--ink);
    transition:
      background 0.15s,
      border-color 0.15s;
  }
  .button:hover:not(:disabled) {
    border-color: var(--edge);
  }
  .button:disabled {
    color: var(--soft);
    cursor: default;
  }
  .button.primary {
    min-height: 46px;
    padding: 10px 22px;
    border-color: transparent;
    background: var(--accent);
    color: var(--on-accent);
    font-size: 15px;
    font-weight: 600;
  }
  .button.primary:hover:not(:disabled) {
    background: color-mix(in srgb, var(--accent) 88%, var(--ink));
  }
  .button.primary:disabled {
    background: var(--line);
    color: var(--soft);
  }
  .button.quiet {
    border-color: transparent;
    background: transparent;
    color: var(--soft);
  }
  .button.quiet:hover:not(:disabled) {
    background: var(--sunken);
    color: var(--ink);
  }
  .button.square {
    width: 36px;
    padding: 0;
  }
  @media (pointer: coarse) {
    .button {
      min-height: 44px;
    }
    .button.square {
      width: 44px;
    }
  }
`;

/** Text fields, drop-downs, areas. */
export const fields = css`
  .field {
    width: 100%;
    min-height: 36px;
    padding: 7px 11px;
    border: 1px solid var(--edge);
    border-radius: 9px;
    background: var(--surface);
    line-height: 1.4;
  }
  textarea.field {
    resize: vertical;
  }
  .field::placeholder {
    color: var(--soft);
    opacity: 1;
  }
  .field[aria-invalid='true'] {
    border-color: var(--accent);
    box-shadow: 0 0 0 1px var(--accent);
  }
  .error {
    margin: 4px 0 0;
    color: var(--accent);
    font-size: 13px;
  }
`;
