// Version 1 of the TypeScript SDK: `node typescript_1.mjs URL ACTION`.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { callUntilDone, info } from './attempts.mjs';

const client = new Client(info, { capabilities: {} });
await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
await client.listTools();
await callUntilDone((params) => client.callTool(params));
await client.close();
