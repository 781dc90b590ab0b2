// Version 2 of the TypeScript SDK: `node typescript_2.mjs URL [2026-07-28]`.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { answers, capabilities, info, travel } from './journey.mjs';

const [url, version] = process.argv.slice(2);
const isModern = version === '2026-07-28';
const client = new Client(info, { capabilities, ...(isModern && { versionNegotiation: { mode: 'auto' } }) });
const transport = new StreamableHTTPClientTransport(new URL(url));
const logged = [];
for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(method, answer);
client.setNotificationHandler('notifications/message', (message) => void logged.push(message));
const call = (params, options) => client.callTool(params, options);
await travel({ client, transport, logged, call, connect: () => client.connect(transport) }, isModern);
