// Runs nine graphs at once by a pool of three clients and prints what each showed: `node saintno-pool.mjs <url>`.
// A process of its own: the SDK's pool looks for jobs for ever, and nothing ends that.
import { CallWrapper, ComfyApi, ComfyPool, PromptBuilder } from '@saintno/comfyui-sdk';

const clients = ['pool-1', 'pool-2', 'pool-3'].map((id) => new ComfyApi(process.argv[2], id));
const pool = new ComfyPool(clients);

const job = (value) => async (client) => {
  const graph = {
    1: { class_type: 'TestSteps', inputs: { steps: 3, ms: 5, value: { __value__: [value] } } },
    2: { class_type: 'TestShow', inputs: { value: ['1', 0] } },
  };
  const builder = new PromptBuilder(graph, [], ['shown']).setRawOutputNode('shown', '2');
  const result = await new CallWrapper(client, builder).run();
  return result?.shown?.text[0];
};

const names = Array.from({ length: 9 }, (_, i) => `graph ${i}`);
console.log(JSON.stringify(await pool.batch(names.map(job))));
process.exit(0);
