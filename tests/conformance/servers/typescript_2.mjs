// The features on version 2 of the TypeScript SDK, in both eras: `node typescript_2.mjs PORT`.
import { localhostHostValidation, NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import {
  classifyInboundRequest,
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  createRequestStateCodec,
  fromJsonSchema,
  inputRequired,
  McpServer,
  ProtocolError
} from '@modelcontextprotocol/server';
import { capabilities, describeTool, info, methods, tools } from './features.mjs';
import { serve } from './sessions.mjs';

const states = createRequestStateCodec({ key: crypto.getRandomValues(new Uint8Array(32)) });
const CHANGED = { tools: 'toolsChanged', prompts: 'promptsChanged' };

const fail = (code, message, data) => {
  throw new ProtocolError(code, message, data);
};

const makeServer = () => {
  const made = new McpServer(info, { capabilities, requestState: { verify: states.verify } });
  const request = (params, context, transport) => ({
    params: { ...params, _meta: context.mcpReq._meta },
    responses: context.mcpReq.inputResponses,
    state: context.mcpReq.requestState?.(),
    capabilities: context.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? made.server.getClientCapabilities(),
    signal: context.mcpReq.signal,
    fail,
    notify: (method, more) => context.mcpReq.notify({ method, params: more }),
    log: (data) => context.mcpReq.log('info', data),
    ask: (method, more) => context.mcpReq.send({ method, params: more }),
    askFor: async (inputRequests, state) =>
      inputRequired({ inputRequests, ...(state && { requestState: await states.mint(state) }) }),
    changed: (kind) => modern.notify[CHANGED[kind]](),
    closeStream: () => made.server.transport.closeSSEStream?.(context.mcpReq.id)
  });
  for (const name of Object.keys(tools)) {
    const { inputSchema, outputSchema, description } = describeTool(name);
    const schemas = { inputSchema: fromJsonSchema(inputSchema) };
    if (outputSchema) schemas.outputSchema = fromJsonSchema(outputSchema);
    made.registerTool(name, { description, ...schemas }, (given, context) =>
      methods['tools/call'](request({ name, arguments: given }, context))
    );
  }
  for (const [method, run] of Object.entries(methods)) {
    if (method.startsWith('tools/')) continue;
    made.server.setRequestHandler(method, ({ params }, context) => run(request(params, context)));
  }
  return made;
};

const modern = createMcpHandler(makeServer);
const answerModern = toNodeHandler(modern);
const isHostKnown = localhostHostValidation();

// What belongs to no session: a host that is not ours, and each request of the era without sessions.
const isAnswered = async (request, response, body) => {
  if (!isHostKnown(request, response)) return true;
  const inbound = classifyInboundRequest({
    httpMethod: request.method,
    protocolVersionHeader: request.headers['mcp-protocol-version'],
    mcpMethodHeader: request.headers['mcp-method'],
    body
  });
  if (request.method !== 'POST' || inbound.kind === 'legacy') return false;
  await answerModern(request, response, body);
  return true;
};

serve(Number(process.argv[2]), NodeStreamableHTTPServerTransport, (transport) => makeServer().connect(transport), isAnswered);
