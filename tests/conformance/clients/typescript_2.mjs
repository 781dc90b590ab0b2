// Version 2 of the TypeScript SDK, in the era that the suite asks for: `node typescript_2.mjs URL`.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { capabilities, elicited, fetchOrDiscover, info, isModern, run } from './scenarios.mjs';

const negotiation = isModern ? { versionNegotiation: { mode: 'auto' } } : {};
const client = new Client(info, { capabilities, ...negotiation });
client.setRequestHandler('elicitation/create', elicited);
await run(client, new StreamableHTTPClientTransport(new URL(process.argv[2]), { fetch: fetchOrDiscover }));
process.exit(0);
