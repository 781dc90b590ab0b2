// Version 2 of the TypeScript SDK: `node typescript_2.mjs URL ACTION [2026-07-28]`.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { callUntilDone, elicited, info } from './attempts.mjs';

const [url, action, version] = process.argv.slice(2);
const opens = action !== 'none';
const capabilities = opens ? { elicitation: { form: {}, url: {} } } : {};
const era = version ? { versionNegotiation: { mode: 'auto' } } : {};
const client = new Client(info, { capabilities, ...era });
if (opens) client.setRequestHandler('elicitation/create', elicited(action));
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
await client.listTools();
await callUntilDone((params) => client.callTool(params));
await client.close();
