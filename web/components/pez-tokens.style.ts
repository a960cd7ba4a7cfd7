// How the words look: large, in the serif face, on a shade that says what they carry.
import { css } from 'lit';

export const tokensStyle = css`
  .flow {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
  }
  .words {
    display: contents;
    list-style: none;
  }
  .word {
    position: relative;
    display: inline-flex;
    align-items: center;
    max-width: 100%;
    min-height: 44px;
    padding: 3px 13px 5px;
    border: 1px solid transparent;
    border-radius: var(--radius);
    background: color-mix(in srgb, var(--accent) calc(6% + var(--share) * 24%), var(--surface));
    font: 450 var(--pez-word-size, 27px) / 1.25 var(--serif);
    letter-spacing: -0.01em;
    cursor: pointer;
    touch-action: pan-y;
    user-select: none;
    transition: background 0.25s;
  }
  .many .word {
    min-height: 36px;
    padding: 1px 10px 3px;
    font-size: calc(var(--pez-word-size, 27px) * 0.74);
  }
  .word:hover {
    border-color: color-mix(in srgb, var(--accent) 45%, transparent);
  }
  .word[aria-selected='true'] {
    border-color: var(--accent);
    box-shadow: 0 0 0 1px var(--accent);
  }
  .word.against {
    background: var(--sunken);
    text-decoration: underline dashed 1px var(--edge);
    text-underline-offset: 5px;
  }
  .word.pinned {
    border-color: color-mix(in srgb, var(--accent) 60%, transparent);
  }
  .word svg.icon {
    width: 15px;
    height: 15px;
    margin-right: 6px;
    color: var(--accent);
  }
  .piece {
    min-width: 0;
  }
  .piece + .piece {
    border-left: 1px dotted var(--edge);
  }
  .live .word {
    cursor: default;
  }
  .dragging {
    opacity: 0.55;
    cursor: grabbing;
  }
  .before::before,
  .after::after {
    content: '';
    position: absolute;
    top: 2px;
    bottom: 2px;
    width: 3px;
    border-radius: 2px;
    background: var(--accent);
  }
  .before::before {
    left: -7px;
  }
  .after::after {
    right: -7px;
  }
  .add input {
    width: 8.5em;
    max-width: 100%;
    min-height: 44px;
    padding: 2px 10px;
    border: 1px solid transparent;
    border-radius: 8px;
    background: transparent;
  }
  .add input::placeholder {
    color: var(--soft);
    opacity: 1;
  }
  .add input:hover,
  .add input:focus {
    border-color: var(--edge);
  }
  .actions {
    container-type: inline-size;
    margin-top: 14px;
    padding: 14px 16px 16px;
    border: 1px solid var(--line);
    border-radius: 12px;
    background: var(--surface);
  }
  .actions header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 10px;
  }
  .actions strong {
    font: 500 20px/1.3 var(--serif);
  }
  .carries {
    color: var(--soft);
    font-variant-numeric: tabular-nums;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    margin-left: auto;
  }
  .close.button {
    margin-right: -8px;
    width: 32px;
  }
  @container (max-width: 460px) {
    .buttons {
      order: 3;
      flex-basis: 100%;
      margin-left: -10px;
    }
    .close.button {
      margin-left: auto;
    }
  }
  .buttons .button {
    padding-inline: 9px;
  }
  .buttons .button.square {
    padding: 0;
    width: 32px;
  }
  .buttons .on {
    color: var(--accent);
  }
  .swap {
    display: flex;
    gap: 8px;
    margin-top: 10px;
  }
  .swap .field {
    flex: 1;
    min-width: 0;
  }
  .hint {
    margin: 12px 0 0;
    color: var(--soft);
  }
  .near {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    margin-top: 12px;
  }
  .suggestion {
    display: inline-flex;
    align-items: baseline;
    gap: 8px;
    max-width: 100%;
    min-height: 32px;
    padding: 3px 11px 4px;
    border: 1px solid var(--line);
    border-radius: 99px;
    background: var(--sunken);
    font: 450 16px/1.4 var(--serif);
  }
  .suggestion:hover {
    border-color: var(--accent);
  }
  .suggestion small {
    color: var(--soft);
    font: 500 12px/1.4 var(--sans);
    font-variant-numeric: tabular-nums;
  }
  .suggestion small.up {
    color: var(--accent);
  }
  @media (pointer: coarse) {
    .many .word {
      min-height: 44px;
    }
    .suggestion {
      min-height: 44px;
      align-items: center;
    }
  }
`;
