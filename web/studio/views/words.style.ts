// How the column of the words looks: they are the largest thing on the page.
import { css } from 'lit';

export const wordsStyle = css`
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    justify-content: space-between;
    gap: 2px 16px;
    margin-bottom: 14px;
  }
  h1,
  h2 {
    margin: 0;
    font-size: 14px;
    font-weight: 600;
  }
  h2 {
    margin: 34px 0 10px;
  }
  .score {
    margin: 0;
    color: var(--soft);
  }
  .score b {
    color: var(--ink);
    font-weight: 600;
    font-variant-numeric: tabular-nums;
  }
  .invitation {
    margin: 0;
    font: 400 clamp(30px, 3.2vw, 42px) / 1.15 var(--serif);
    letter-spacing: -0.02em;
    text-wrap: balance;
  }
  .invitation.searching {
    color: var(--soft);
  }
  .about {
    max-width: 34em;
    margin: 10px 0 0;
    color: var(--soft);
    font-size: 15px;
  }
  .tools {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px;
    margin: 8px 0 0 -10px;
  }
  .tools .button {
    padding-inline: 10px;
  }
  .editor .tools {
    margin-left: 0;
    gap: 6px;
  }
  .hint {
    margin: 10px 0 0;
    color: var(--soft);
    font-size: 13px;
  }
  .column {
    container-type: inline-size;
  }
  @container (max-width: 420px) {
    .press .button {
      flex: 1 1 100%;
    }
    .tools .name {
      position: absolute;
      clip-path: inset(50%);
    }
  }
  .editor textarea {
    font: 400 22px/1.4 var(--serif);
  }
  .blocked {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0 4px;
    margin: 12px 0 0;
    color: var(--soft);
  }
  .blocked span {
    display: inline-flex;
    align-items: center;
    gap: 6px;
  }
  .blocked .button {
    padding: 4px 8px;
    text-decoration: line-through;
  }
  .swap {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    align-items: center;
    gap: 6px 12px;
    max-width: 620px;
    margin-top: 22px;
  }
  .swap label {
    color: var(--soft);
  }
  .swap b {
    color: var(--ink);
    font: 500 19px/1.3 var(--serif);
  }
  .swap .error {
    grid-column: 2;
  }
  .progress {
    margin-top: 18px;
  }
  .press {
    display: flex;
    flex-wrap: wrap;
    gap: 10px;
    margin-top: 22px;
  }
  .press .big {
    min-height: 46px;
    padding-inline: 18px;
    font-size: 15px;
  }
  .alert {
    margin-top: 16px;
    padding: 10px 14px;
    border-left: 3px solid var(--accent);
    border-radius: 0 8px 8px 0;
    background: var(--wash);
  }
  .alert p {
    margin: 2px 0;
  }
  pez-search-plot,
  pez-candidates {
    padding: 16px 18px 12px;
    border: 1px solid var(--line);
    border-radius: 14px;
    background: var(--surface);
  }
  pez-candidates {
    padding: 6px 8px;
  }
`;
