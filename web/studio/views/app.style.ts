// The page's grid, from a phone to a wide screen.
import { css } from 'lit';

export const appStyle = css`
  :host {
    --gutter: clamp(16px, 3vw, 40px);
    max-width: 1480px;
    margin: 0 auto;
    padding: 0 var(--gutter) 64px;
  }
  .skip {
    position: absolute;
    top: -60px;
    left: 8px;
    z-index: 5;
    padding: 8px 14px;
    border-radius: 8px;
    background: var(--accent);
    color: var(--on-accent);
  }
  .skip:focus {
    top: 8px;
  }
  header {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr) auto;
    align-items: center;
    gap: 0 28px;
    min-height: 64px;
    border-bottom: 1px solid var(--line);
  }
  .mark {
    display: inline-flex;
    align-items: center;
    gap: 10px;
    color: var(--ink);
    font-size: 16px;
    font-weight: 600;
    letter-spacing: -0.01em;
    text-decoration: none;
    white-space: nowrap;
  }
  .mark rect {
    fill: var(--accent);
  }
  .mark path {
    fill: none;
    stroke: var(--on-accent);
    stroke-width: 2.4;
    stroke-linecap: round;
  }
  .tabs {
    display: flex;
    align-self: stretch;
    gap: 2px;
    overflow-x: auto;
    scrollbar-width: none;
  }
  .tabs button {
    position: relative;
    min-height: 44px;
    padding: 0 12px;
    border: 0;
    background: none;
    color: var(--soft);
    font-weight: 500;
    white-space: nowrap;
  }
  .tabs button:hover {
    color: var(--ink);
  }
  .tabs button:focus-visible {
    outline-offset: -4px;
    border-radius: 12px;
  }
  .tabs [aria-selected='true'] {
    color: var(--ink);
  }
  .tabs [aria-selected='true']::after {
    content: '';
    position: absolute;
    right: 12px;
    bottom: 0;
    left: 12px;
    height: 2px;
    background: var(--accent);
  }
  .end {
    display: flex;
    align-items: center;
    margin-right: -10px;
  }
  .banner {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: center;
    gap: 4px 12px;
    margin-top: 12px;
    padding: 6px 14px;
    border-radius: 10px;
    background: var(--wash);
  }
  main:focus {
    outline: none;
  }
  .stage {
    display: grid;
    grid-template-columns: clamp(190px, 20%, 290px) minmax(0, 1fr) clamp(220px, 26%, 360px);
    grid-template-areas: 'inputs words result' 'settings words result';
    grid-template-rows: auto 1fr;
    gap: 18px clamp(24px, 3.2vw, 52px);
    padding: 36px 0 40px;
  }
  .stage.two {
    grid-template-columns: minmax(260px, 400px) minmax(0, 1fr);
    grid-template-areas: 'inputs words' 'settings words';
  }
  .stage.written {
    grid-template-columns: clamp(190px, 20%, 290px) minmax(0, 1fr) clamp(220px, 26%, 360px);
    grid-template-areas: 'settings words result';
    grid-template-rows: auto;
  }
  .stage.row {
    grid-template-columns: clamp(190px, 20%, 290px) minmax(0, 1fr);
    grid-template-areas: 'settings words' 'settings result';
    grid-template-rows: auto 1fr;
  }
  .inputs {
    grid-area: inputs;
  }
  .words {
    grid-area: words;
    min-width: 0;
  }
  .settings {
    grid-area: settings;
  }
  .result {
    grid-area: result;
    min-width: 0;
  }
  .opening {
    min-height: 70vh;
    display: grid;
    place-items: center;
  }
  .say {
    display: grid;
    gap: 10px;
    width: min(100%, 420px);
  }
  .say h1 {
    margin: 0;
    font: 400 30px/1.2 var(--serif);
  }
  .say p {
    margin: 0 0 6px;
    color: var(--soft);
  }
  @media (max-width: 1099px) {
    header {
      grid-template-columns: minmax(0, 1fr) auto;
      padding-top: 8px;
    }
    .tabs {
      grid-row: 2;
      grid-column: 1 / -1;
      margin: 0 -12px;
    }
  }
  @media (max-width: 899px) {
    .stage,
    .stage.written {
      grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
      grid-template-areas: 'inputs result' 'words words' 'settings settings';
      grid-template-rows: none;
      gap: 22px 18px;
      padding-top: 22px;
    }
    .stage.pair {
      grid-template-areas: 'inputs inputs' 'words words' 'result result' 'settings settings';
    }
    .stage.two {
      grid-template-columns: minmax(0, 1fr);
      grid-template-areas: 'inputs' 'words' 'settings';
    }
    .stage.written {
      grid-template-areas: 'words words' 'result result' 'settings settings';
    }
    .stage.row {
      grid-template-columns: minmax(0, 1fr);
      grid-template-areas: 'words' 'result' 'settings';
    }
  }
`;
