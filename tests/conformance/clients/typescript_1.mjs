// Version 1 of the TypeScript SDK: `node typescript_1.mjs URL`.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { capabilities, elicited, info, run } from './scenarios.mjs';

const client = new Client(info, { capabilities });
client.setRequestHandler(ElicitRequestSchema, elicited);
await run(client, new StreamableHTTPClientTransport(new URL(process.argv[2])));
process.exit(0);
