// Tasks of MCP 2026-07-28 (SEP-2663), which no SDK has yet, without an SDK: `node tasks.mjs PORT`.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const PREFIX = 'io.modelcontextprotocol/';
const [INVALID, NO_METHOD, MISMATCH, LACKING] = [-32602, -32601, -32020, -32021];
const NAMES = { 'tools/call': 'name', 'tasks/get': 'taskId', 'tasks/update': 'taskId', 'tasks/cancel': 'taskId' };
const TERMINAL = new Set(['completed', 'failed', 'cancelled']);
const OTHER_SETTINGS = { ttlMs: 60_000, pollIntervalMs: 100 };

class Refusal extends Error {
  constructor(code, message, status = 200, data = undefined) {
    super(message);
    Object.assign(this, { code, status, data });
  }
}

const text = (said, more) => ({ resultType: 'complete', content: [{ type: 'text', text: said }], ...more });
const form = (name) => ({
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message: `Your ${name}?`,
    requestedSchema: { type: 'object', properties: { [name]: { type: 'string' } } }
  }
});

// A tool runs as a task where it asks for something in the middle (`asks`), or takes its time.
const TOOLS = {
  greet: { sync: true, run: async ({ name }) => text(`Hello, ${name}!`) },
  slow_compute: {
    run: async ({ seconds = 0 }, task) => {
      await sleep(seconds * 1000, undefined, { signal: task?.stop.signal });
      return text('computed');
    }
  },
  failing_job: { required: true, run: async () => text('it failed', { isError: true }) },
  protocol_error_job: {
    run: async () => {
      throw new Refusal(-32603, 'it broke');
    }
  },
  confirm_delete: { run: async (_given, task) => text(JSON.stringify(await task.ask({ confirm: form('confirmation') }))) },
  multi_input: {
    run: async (_given, task) => text(JSON.stringify(await task.ask({ one: form('name'), two: form('colour') })))
  },
  test_tool_with_task: { required: true, first: { user_name: form('name') }, run: async (_given, task) => text(task.said) }
};

const tasks = new Map();

const shown = (task) => ({ ...OTHER_SETTINGS, ...task.fields });

const change = (task, fields) => Object.assign(task.fields, fields, { lastUpdatedAt: new Date().toISOString() });

// Begin a tool as a task. It is there before anybody is told of it.
const begin = (tool, given, said) => {
  const now = new Date().toISOString();
  const fields = { taskId: randomUUID(), status: 'working', createdAt: now, lastUpdatedAt: now };
  const task = { fields, said, stop: new AbortController() };
  task.ask = (inputRequests) =>
    new Promise((resolve) => {
      Object.assign(task, { answers: {}, resolve });
      change(task, { status: 'input_required', inputRequests });
    });
  tasks.set(fields.taskId, task);
  const end = (more) => TERMINAL.has(fields.status) || change(task, more);
  tool.run(given, task).then(
    (result) => end({ status: 'completed', result }),
    ({ code, message }) => end({ status: 'failed', error: { code, message } })
  );
  return { resultType: 'task', ...shown({ fields: { ...fields, status: 'working' } }) };
};

const found = ({ taskId }) => {
  if (!tasks.has(taskId)) throw new Refusal(INVALID, 'no such task');
  return tasks.get(taskId);
};

const done = { resultType: 'complete' };

const METHODS = {
  'server/discover': () => ({
    ...done,
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {}, extensions: { [EXTENSION]: {} } },
    ttlMs: 0,
    cacheScope: 'private',
    _meta: { [`${PREFIX}serverInfo`]: { name: 'tasks', version: '1.0.0' } }
  }),
  'tools/list': () => ({
    ...done,
    ttlMs: 0,
    cacheScope: 'private',
    tools: Object.keys(TOOLS).map((name) => ({ name, description: `A tool: ${name}.`, inputSchema: { type: 'object' } }))
  }),
  'tools/call': async ({ name, arguments: given = {}, inputResponses }, hasTasks) => {
    const tool = TOOLS[name];
    if (!tool) throw new Refusal(INVALID, 'no such tool');
    if (tool.required && !hasTasks) throw lacking();
    if (tool.first && !inputResponses) return { resultType: 'input_required', inputRequests: tool.first };
    return tool.sync || !hasTasks ? tool.run(given) : begin(tool, given, JSON.stringify(inputResponses));
  },
  'tasks/get': (params) => ({ ...done, ...shown(found(params)) }),
  'tasks/update': (params) => {
    const task = found(params);
    const open = task.fields.inputRequests ?? {};
    for (const [key, answer] of Object.entries(params.inputResponses ?? {})) {
      if (!(key in open)) continue;
      delete open[key];
      task.answers[key] = answer;
    }
    if (task.fields.status === 'input_required' && Object.keys(open).length === 0) {
      delete task.fields.inputRequests;
      change(task, { status: 'working' });
      task.resolve(task.answers);
    }
    return done;
  },
  'tasks/cancel': (params) => {
    const task = found(params);
    if (!TERMINAL.has(task.fields.status)) {
      delete task.fields.inputRequests;
      change(task, { status: 'cancelled' });
      task.stop.abort();
    }
    return done;
  }
};

const lacking = () =>
  new Refusal(LACKING, 'tasks are not declared', 400, { requiredCapabilities: { extensions: { [EXTENSION]: {} } } });

const answer = async ({ method, params = {} }, headers) => {
  const copied = NAMES[method] === undefined ? undefined : params[NAMES[method]];
  if (headers['mcp-method'] !== method || (copied !== undefined && headers['mcp-name'] !== copied)) {
    throw new Refusal(MISMATCH, 'a header field is not what the body says', 400);
  }
  if (!(method in METHODS)) throw new Refusal(NO_METHOD, 'no such method', 404);
  const declared = params._meta?.[`${PREFIX}clientCapabilities`]?.extensions ?? {};
  const hasTasks = EXTENSION in declared;
  if (method.startsWith('tasks/') && !hasTasks) throw lacking();
  return METHODS[method](params, hasTasks);
};

createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const { id = null, ...message } = pieces.length > 0 ? JSON.parse(Buffer.concat(pieces)) : {};
  const [status, told] = await answer(message, request.headers).then(
    (result) => [200, { result }],
    ({ code = -32603, message: said, status: own = 500, data }) => [own, { error: { code, message: said, data } }]
  );
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, ...told }));
}).listen(Number(process.argv[2]), '127.0.0.1');
