// How the history looks: cards in a grid, which the browser leaves out while they are out of sight.
import { css } from 'lit';

export const historyStyle = css`
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 20px;
    padding: 22px 0 16px;
    border-top: 1px solid var(--line);
  }
  h2 {
    margin: 0;
    font-size: 16px;
    font-weight: 600;
  }
  .search {
    position: relative;
    width: min(100%, 260px);
  }
  .search svg {
    position: absolute;
    top: 10px;
    left: 11px;
    color: var(--soft);
  }
  .search .field {
    padding-left: 34px;
  }
  .said {
    margin: 0;
    color: var(--soft);
  }
  .empty {
    margin: 0;
    padding: 28px 0 48px;
    color: var(--soft);
  }
  ul {
    display: grid;
    grid-template-columns: repeat(auto-fill, minmax(158px, 1fr));
    gap: 22px 18px;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  li {
    min-width: 0;
    content-visibility: auto;
    contain-intrinsic-size: auto 158px auto 290px;
  }
  .open {
    position: relative;
    display: block;
    width: 100%;
    padding: 0;
    border: 0;
    background: none;
    text-align: left;
  }
  img,
  .no-picture {
    display: block;
    width: 100%;
    height: auto;
    aspect-ratio: 1;
    border: 1px solid var(--line);
    border-radius: 12px;
    background: var(--surface);
    object-fit: contain;
  }
  img.source {
    opacity: 0.9;
  }
  .no-picture {
    padding: 14px;
    overflow: hidden;
    background: var(--sunken);
    color: var(--soft);
    font: 400 15px/1.4 var(--serif);
  }
  .open:hover img,
  .open:hover .no-picture {
    border-color: var(--edge);
  }
  .picked img,
  .picked .no-picture {
    border-color: var(--accent);
    box-shadow: 0 0 0 1px var(--accent);
  }
  .count {
    position: absolute;
    top: 8px;
    right: 8px;
    min-width: 24px;
    padding: 2px 7px;
    border-radius: 99px;
    background: var(--ink);
    color: var(--surface);
    font-size: 12px;
    font-weight: 600;
    text-align: center;
  }
  .prompt {
    display: -webkit-box;
    margin-top: 9px;
    overflow: hidden;
    font: 450 16px/1.3 var(--serif);
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
    line-clamp: 2;
  }
  .meta {
    display: flex;
    justify-content: space-between;
    gap: 8px;
    margin: 4px 0 0;
    color: var(--soft);
    font-size: 12px;
    white-space: nowrap;
  }
  .meta span {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .tools {
    display: flex;
    margin: 2px 0 0 -9px;
  }
  .tools .button {
    width: 34px;
    min-height: 32px;
  }
  .tools [aria-pressed='true'] {
    color: var(--accent);
  }
  @media (hover: hover) {
    .tools {
      opacity: 0;
    }
    li:hover .tools,
    li:focus-within .tools,
    .picked .tools {
      opacity: 1;
    }
  }
  .end {
    height: 1px;
  }
  dialog {
    width: min(92vw, 640px);
    padding: 14px 20px 20px;
    border: 1px solid var(--line);
    border-radius: 16px;
    background: var(--surface);
    color: var(--ink);
  }
  dialog::backdrop {
    background: rgb(0 0 0 / 0.45);
  }
  dialog form {
    display: flex;
    justify-content: flex-end;
    margin: 0 -8px 6px;
  }
  @media (max-width: 480px) {
    ul {
      grid-template-columns: repeat(2, minmax(0, 1fr));
      gap: 18px 14px;
    }
    .tools .button {
      flex: 1;
      width: auto;
    }
    .tools {
      margin: 0;
    }
  }
`;
