// Run a client against the guard in the place of a server of the suite, which the guard then reaches by its switch:
// `node through.mjs CLIENT SWITCH_FILE GUARD_AT_MCP GUARD_AT_ROOT URL`. The suite gives the last argument.
import { writeFileSync } from 'node:fs';

const [client, file, atMcp, atRoot, url] = process.argv.slice(2);
const server = new URL(url);
writeFileSync(file, server.port);
process.argv[2] = server.pathname === '/mcp' ? atMcp : atRoot;
await import(`./${client}.mjs`);
