// What a browser sees that comes without the token: a form that takes it. It runs no script.
import { pageStyle } from './assets.ts';
import { html } from './html.ts';

/** `path`: where the form leads; `isWrong`: a token was given, but not this server's. */
export const renderTokenPage = ({ path, isWrong, nonce }: { path: string; isWrong: boolean; nonce: string }): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pez-nodes: token</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">${pageStyle}</style>
</head>
<body>
<main><h1>This server asks for its token</h1>
<p>${isWrong ? 'That is not this server’s token.' : 'Whoever started the server has it.'}</p>
<form method="get" action="${path}"><p class="copy"><label for="token">Token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password">
<button>Open</button></p></form></main>
</body>
</html>
`.text;
