// Gives the nodes of this pack a colour of their own in ComfyUI's front end.
import { app } from '../../scripts/app.js';

app.registerExtension({
  name: 'example-pack.colour',
  nodeCreated(node) {
    if (['PromptCase', 'WordCount'].includes(node.comfyClass)) node.color = '#2a4a3a';
  },
});
