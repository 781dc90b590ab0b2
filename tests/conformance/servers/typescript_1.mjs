// The features on version 1 of the TypeScript SDK: `node typescript_1.mjs PORT`.
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { localhostHostValidation } from '@modelcontextprotocol/sdk/server/middleware/hostHeaderValidation.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as schemas from '@modelcontextprotocol/sdk/types.js';
import { capabilities, info, methods } from './features.mjs';
import { serve } from './sessions.mjs';

const SCHEMAS = Object.fromEntries(
  Object.values(schemas)
    .filter((each) => each?.shape?.method?.value !== undefined)
    .map((each) => [each.shape.method.value, each])
);

const fail = (code, message, data) => {
  throw new schemas.McpError(code, message, data);
};

const TASKS = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } };
const taskStore = new InMemoryTaskStore();

// Run a call as a task, where the client asks for one.
const asTask = async (params, { taskStore: tasks }, result) => {
  if (!params?.task) return result;
  const task = await tasks.createTask({ ttl: params.task.ttl, pollInterval: 100 });
  result.then((found) => tasks.storeTaskResult(task.taskId, 'completed', found));
  return { task };
};

const connect = async (transport) => {
  const server = new Server(info, { capabilities: { ...capabilities, ...TASKS }, taskStore });
  for (const [method, run] of Object.entries(methods)) {
    server.setRequestHandler(SCHEMAS[method], ({ params }, extra) => {
      const notify = (name, more) => extra.sendNotification({ method: name, params: more });
      const result = run({
        params,
        notify,
        fail,
        signal: extra.signal,
        capabilities: server.getClientCapabilities(),
        log: (data) => notify('notifications/message', { level: 'info', data }),
        ask: (name, more) => extra.sendRequest({ method: name, params: more }, schemas.ResultSchema),
        changed: (kind) => server.notification({ method: `notifications/${kind}/list_changed` }),
        closeStream: () => extra.closeSSEStream?.()
      });
      return asTask(params, extra, result);
    });
  }
  await server.connect(transport);
};

// The guard against DNS rebinding is one for express: it answers by these two methods.
const isForeign = async (request, response) => {
  response.status = (code) => Object.assign(response, { statusCode: code });
  response.json = (document) => response.end(JSON.stringify(document));
  let foreign = true;
  localhostHostValidation()(request, response, () => {
    foreign = false;
  });
  return foreign;
};

serve(Number(process.argv[2]), StreamableHTTPServerTransport, connect, isForeign);
