// Sessions of the eras with `initialize` over node:http, alike for both versions of the SDK.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const RETRY_MS = 500;

// Keeps events in memory, so that a client may resume a stream. A number orders them, whatever the clock says.
const eventStore = () => {
  const events = [];
  return {
    async storeEvent(streamId, message) {
      events.push({ streamId, message });
      return String(events.length - 1);
    },
    async replayEventsAfter(lastEventId, { send }) {
      const { streamId } = events[Number(lastEventId)];
      for (let id = Number(lastEventId) + 1; id < events.length; id += 1) {
        const { streamId: of, message } = events[id];
        if (of === streamId && Object.keys(message).length > 0) await send(String(id), message);
      }
      return streamId;
    }
  };
};

const readBody = async (request) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return pieces.length > 0 ? JSON.parse(Buffer.concat(pieces)) : undefined;
};

const refuse = (response, status, code, message) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message } }));
};

/** Serve on loopback.
 * @param port where.
 * @param Transport the SDK's class for one session.
 * @param connect makes the server of a session, and connects it to its transport.
 * @param isHere answers a request that does not belong to a session, and tells so.
 */
export const serve = (port, Transport, connect, isHere = async () => false) => {
  const transports = new Map();
  const begin = async () => {
    const transport = new Transport({
      sessionIdGenerator: randomUUID,
      eventStore: eventStore(),
      retryInterval: RETRY_MS,
      onsessioninitialized: (id) => transports.set(id, transport)
    });
    transport.onclose = () => transports.delete(transport.sessionId);
    await connect(transport);
    return transport;
  };
  const answer = async (request, response) => {
    const body = await readBody(request);
    if (await isHere(request, response, body)) return;
    const id = request.headers['mcp-session-id'];
    const known = transports.get(id);
    if (id && !known) return refuse(response, 404, -32001, 'no such session');
    if (!known && body?.method !== 'initialize') return refuse(response, 400, -32000, 'no session');
    await (known ?? (await begin())).handleRequest(request, response, body);
  };
  createServer((request, response) => {
    answer(request, response).catch((error) => refuse(response, 500, -32603, String(error)));
  }).listen(port, '127.0.0.1', () => console.log('serving'));
};
