// The studio: a page for prompts. It speaks to the server by its public protocol only.
import './look.css';
import './page.css';
import './views/app.ts';
