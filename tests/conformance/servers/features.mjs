// What the servers of this folder do, after features.json: one function for each method. They know no SDK.
//
// A request comes as { params, responses, state, capabilities } and the ways back: notify(method, params), log(text),
// ask(method, params), askFor(inputRequests, state), changed(kind), closeStream(), fail(code, message, data).
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const features = JSON.parse(readFileSync(new URL('features.json', import.meta.url)));
const PAGE = 2;
const INVALID_PARAMS = -32602;
const NEEDS = { 'elicitation/create': 'elicitation', 'sampling/createMessage': 'sampling', 'roots/list': 'roots' };

export const info = { name: 'features', version: '1.0.0' };
export const tools = features.tools;
export const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  logging: {},
  completions: {}
};

const described = (name, more) => ({ name, description: `A feature: ${name}.`, ...more });

export const describeTool = (name) => {
  const { inputSchema = { type: 'object', properties: {} }, outputSchema } = tools[name];
  return described(name, { inputSchema, ...(outputSchema && { outputSchema }) });
};

// Fill {name} in each string of a value.
const fill = (value, names) => {
  if (typeof value === 'string') {
    return value.replace(/\{(\w+)\}/g, (whole, name) => (name in names ? String(names[name]) : whole));
  }
  if (Array.isArray(value)) return value.map((each) => fill(each, names));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each, names)]));
};

const isAnswered = (asked, answer) => {
  if (asked.method === 'roots/list') return Array.isArray(answer?.roots);
  if (asked.method === 'sampling/createMessage') return answer?.content !== undefined;
  const { required = [], properties } = asked.params.requestedSchema ?? {};
  const isGiven = (key) => typeof answer.content?.[key] === properties[key].type;
  return answer?.action === 'accept' && required.every(isGiven);
};

// The result that asks for the input of the first round without answers; undefined after the last round.
const missingInput = (feature, request) => {
  const rounds = feature.rounds ?? [];
  let round = request.state?.round ?? 0;
  const answers = request.responses ?? {};
  const mayAsk = ([, asked]) => feature.insists || request.capabilities?.[NEEDS[asked.method]] !== undefined;
  const open = () => Object.entries(rounds[round]).filter(mayAsk);
  if (round < rounds.length && open().every(([key, asked]) => isAnswered(asked, answers[key]))) round += 1;
  if (round >= rounds.length) return undefined;
  return request.askFor(Object.fromEntries(open()), feature.keepsState ? { round } : undefined);
};

const callTool = async (request) => {
  const { name, arguments: given = {} } = request.params;
  const tool = tools[name];
  if (!tool) request.fail(INVALID_PARAMS, `no tool ${name}`);
  const asking = missingInput(tool, request);
  if (asking) return asking;
  for (const text of tool.log ?? []) await request.log(text);
  const progressToken = request.params._meta?.progressToken;
  for (const progress of progressToken === undefined ? [] : (tool.progress ?? [])) {
    await request.notify('notifications/progress', { progressToken, progress, total: 100 });
  }
  if (tool.changes) await request.changed(tool.changes);
  if (tool.closesStream) await request.closeStream();
  if (tool.wait) await sleep(tool.wait, undefined, { signal: request.signal });
  const asked = fill(tool.asks, given);
  const answer = asked && JSON.stringify(await request.ask(asked.method, asked.params));
  const { structuredContent, isError } = tool;
  return {
    content: fill(tool.content, { ...given, answer }),
    ...(structuredContent && { structuredContent }),
    ...(isError && { isError })
  };
};

const getPrompt = (request) => {
  const { name, arguments: given = {} } = request.params;
  const prompt = features.prompts[name];
  if (!prompt) request.fail(INVALID_PARAMS, `no prompt ${name}`);
  return missingInput(prompt, request) ?? { messages: fill(prompt.messages, given) };
};

const readResource = (request) => {
  const { uri } = request.params;
  const found = features.resources[uri];
  if (found) return { contents: [{ uri, ...found }] };
  for (const [template, resource] of Object.entries(features.templates)) {
    const match = new RegExp(`^${template.replace('{id}', '([^/]+)')}$`).exec(uri);
    if (match) return { contents: [{ uri, ...fill(resource, { id: match[1] }) }] };
  }
  return request.fail(INVALID_PARAMS, 'no such resource', { uri });
};

const nameOf = (uri) => uri.replace(/^test:\/\//, '').replace(/\W+/g, '-');

const listResources = ({ params }) => {
  const all = Object.entries(features.resources).map(([uri, { mimeType }]) => ({ uri, name: nameOf(uri), mimeType }));
  const start = Number(params?.cursor ?? 0);
  const next = start + PAGE < all.length ? { nextCursor: String(start + PAGE) } : {};
  return { resources: all.slice(start, start + PAGE), ...next };
};

export const methods = {
  'tools/list': () => ({ tools: Object.keys(tools).map(describeTool) }),
  'tools/call': callTool,
  'prompts/list': () => ({
    prompts: Object.entries(features.prompts).map(([name, { arguments: names = [] }]) =>
      described(name, { arguments: names.map((each) => ({ name: each, required: true })) })
    )
  }),
  'prompts/get': getPrompt,
  'resources/list': listResources,
  'resources/templates/list': () => ({
    resourceTemplates: Object.entries(features.templates).map(([uriTemplate, { mimeType }]) => ({
      uriTemplate,
      name: nameOf(uriTemplate),
      mimeType
    }))
  }),
  'resources/read': readResource,
  'resources/subscribe': () => ({}),
  'resources/unsubscribe': () => ({}),
  'completion/complete': () => ({ completion: { values: ['testValue1'], total: 1, hasMore: false } }),
  'logging/setLevel': () => ({})
};
