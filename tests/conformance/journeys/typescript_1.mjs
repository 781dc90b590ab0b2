// Version 1 of the TypeScript SDK: `node typescript_1.mjs URL`.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as schemas from '@modelcontextprotocol/sdk/types.js';
import { answers, capabilities, info, travel } from './journey.mjs';

const SCHEMAS = {
  'elicitation/create': schemas.ElicitRequestSchema,
  'sampling/createMessage': schemas.CreateMessageRequestSchema,
  'roots/list': schemas.ListRootsRequestSchema
};
const client = new Client(info, { capabilities });
const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]));
const logged = [];
for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(SCHEMAS[method], answer);
client.setNotificationHandler(schemas.LoggingMessageNotificationSchema, (message) => void logged.push(message));
const call = (params, options) => client.callTool(params, undefined, options);

// Call a tool as a task, and wait for its result.
const callAsTask = async (params) => {
  for await (const message of client.experimental.tasks.callToolStream(params, undefined, { task: { ttl: 60_000 } })) {
    if (message.type === 'error') throw message.error;
    if (message.type === 'result') return message.result;
  }
  throw new Error('no result');
};
await travel({ client, transport, logged, call, callAsTask, connect: () => client.connect(transport) }, false);
