// What a client does in each scenario of the suite's client side, on either version of the TypeScript SDK.

const listAndCall = (name, given = {}) => async (client) => {
  await client.listTools();
  await client.callTool({ name, arguments: given });
};

const callAll = (given) => async (client) => {
  const { tools } = await client.listTools();
  for (const { name } of tools) await client.callTool({ name, arguments: given }).catch(console.error);
};

const callAsTold = async (client) => {
  await client.listTools();
  const { toolCalls } = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT);
  for (const call of toolCalls) await client.callTool(call);
};

const useFirstOfEach = async (client) => {
  const { tools } = await client.listTools();
  await client.callTool({ name: tools[0].name, arguments: {} });
  const { resources } = await client.listResources();
  await client.readResource({ uri: resources[0].uri });
  const { prompts } = await client.listPrompts();
  await client.getPrompt({ name: prompts[0].name, arguments: {} });
};

const echoSchema = async (client) => {
  const { tools } = await client.listTools();
  const { inputSchema } = tools.find(({ name }) => name === 'json_schema_2020_12_tool');
  await client.callTool({ name: 'json_schema_echo', arguments: { schema: inputSchema } });
};

const SCENARIOS = {
  initialize: (client) => client.listTools(),
  tools_call: listAndCall('add_numbers', { a: 5, b: 3 }),
  'elicitation-sep1034-client-defaults': listAndCall('test_client_elicitation_defaults'),
  'sse-retry': listAndCall('test_reconnection'),
  'request-metadata': () => undefined,
  'http-standard-headers': useFirstOfEach,
  'http-custom-headers': callAsTold,
  'http-invalid-tool-headers': callAll({ region: 'us-west1' }),
  'sep-2322-client-request-state': callAll({}),
  'json-schema-ref-no-deref': (client) => client.listTools(),
  'json-schema-2020-12-preservation': echoSchema
};

// Mocks of these scenarios do not answer `server/discover`.
const WITHOUT_DISCOVERY = /^(http-|sep-2322-)/;
const DISCOVERED = { supportedVersions: ['2026-07-28'], capabilities: { tools: {}, resources: {}, prompts: {} } };

export const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
export const isModern = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28';
export const info = { name: 'client', version: '1.0.0' };
export const capabilities = { elicitation: { form: { applyDefaults: true } }, roots: {}, sampling: {} };

/** Answer an elicitation: with nothing where the SDK puts the defaults in. */
export const elicited = () => ({
  action: 'accept',
  content: scenario.startsWith('elicitation') ? {} : { confirmed: true }
});

/** fetch, with an answer of ours to what the mock does not answer. */
export const fetchOrDiscover = async (url, options) => {
  const body = typeof options?.body === 'string' ? JSON.parse(options.body) : {};
  if (body.method !== 'server/discover' || !WITHOUT_DISCOVERY.test(scenario)) return fetch(url, options);
  return Response.json({ jsonrpc: '2.0', id: body.id, result: DISCOVERED });
};

export const run = async (client, transport) => {
  await client.connect(transport);
  await SCENARIOS[scenario](client);
  await client.close();
};
