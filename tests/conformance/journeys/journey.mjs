// A client's whole way through a server of ours, from initialize to DELETE, on either version of the TypeScript SDK. Each
// step prints a line of JSON: its name, and what went wrong, if anything did.
//
// An SDK is { call(params, options), client, closed() }: what the two versions do not have alike.

const PROMPT_MS = 10_000;
const NOTHING = Symbol('the SDK has nothing for this step');

const check = (holds, what) => {
  if (!holds) throw new Error(`not so: ${what}`);
};

const kindOf = async (sdk, name, type) => {
  const { content } = await sdk.call({ name, arguments: {} });
  check(content.some((each) => each.type === type), `${type} in ${JSON.stringify(content)}`);
};

const says = async (sdk, name, given, part) => {
  const { content } = await sdk.call({ name, arguments: given });
  check(JSON.stringify(content).includes(part), `${part} in ${JSON.stringify(content)}`);
};

// Every page, as a client sees that asks for one after the other.
const pages = async (client) => {
  const found = [];
  let cursor;
  do {
    const page = await client.listResources(cursor ? { cursor } : undefined);
    found.push(...page.resources);
    cursor = page.nextCursor;
  } while (cursor);
  return found;
};

const progress = async (sdk) => {
  const seen = [];
  const onprogress = ({ progress: now }) => seen.push(now);
  await sdk.call({ name: 'test_tool_with_progress', arguments: {} }, { onprogress });
  check(seen.length === 3, `3 notifications of progress, not ${seen.length}`);
};

const cancel = async (sdk) => {
  const stop = new AbortController();
  const call = sdk.call({ name: 'test_slow', arguments: {} }, { signal: stop.signal });
  setTimeout(() => stop.abort('enough'), 300);
  await call.then(
    () => check(false, 'the call was cancelled'),
    () => undefined
  );
  await kindOf(sdk, 'test_simple_text', 'text');
};

const ANSWERS = { name: 'Alice', response: 'yes', ok: true, context: 'tests' };

/** Answer what servers ask. */
export const answers = {
  'elicitation/create': ({ params: { mode, requestedSchema } }) => {
    if (mode === 'url') return { action: 'accept' };
    const names = Object.keys(requestedSchema.properties);
    return { action: 'accept', content: Object.fromEntries(names.map((name) => [name, ANSWERS[name]])) };
  },
  'sampling/createMessage': () => ({
    role: 'assistant',
    model: 'a-model',
    content: { type: 'text', text: 'Paris' }
  }),
  'roots/list': () => ({ roots: [{ uri: 'file:///home/alice', name: 'home' }] })
};
export const info = { name: 'journey', version: '1.0.0' };
export const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: { listChanged: true } };

const COMMON = {
  initialize: (sdk) => sdk.connect(),
  'tools/list': async ({ client }) => check((await client.listTools()).tools.length > 20, 'all tools'),
  text: (sdk) => kindOf(sdk, 'test_simple_text', 'text'),
  image: (sdk) => kindOf(sdk, 'test_image_content', 'image'),
  audio: (sdk) => kindOf(sdk, 'test_audio_content', 'audio'),
  'embedded resource': (sdk) => kindOf(sdk, 'test_embedded_resource', 'resource'),
  'resource link': (sdk) => kindOf(sdk, 'test_resource_link', 'resource_link'),
  'structured content': async (sdk) => {
    const { structuredContent } = await sdk.call({ name: 'test_structured_content', arguments: {} });
    check(structuredContent.count === 3, 'the structure');
  },
  'tool error': async (sdk) => check((await sdk.call({ name: 'test_error_handling', arguments: {} })).isError, 'an error'),
  prompts: async ({ client }) => {
    check((await client.listPrompts()).prompts.length === 5, 'all prompts');
    const given = { name: 'test_prompt_with_arguments', arguments: { arg1: 'one', arg2: 'two' } };
    check(JSON.stringify(await client.getPrompt(given)).includes('one and two'), 'the prompt');
  },
  resources: async ({ client }) => {
    for (const uri of ['test://static-text', 'test://static-binary', 'test://template/7/data']) {
      check((await client.readResource({ uri })).contents.length === 1, uri);
    }
  },
  pagination: async ({ client }) => check((await pages(client)).length === 3, 'three resources on two pages'),
  completion: async ({ client }) => {
    const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
    const { completion } = await client.complete({ ref, argument: { name: 'arg1', value: 't' } });
    check(completion.values[0] === 'testValue1', 'a completion');
  },
  progress,
  cancel
};

const WITH_SESSION = {
  logging: async (sdk) => {
    await sdk.client.setLoggingLevel('debug');
    await sdk.call({ name: 'test_tool_with_logging', arguments: {} });
    check(sdk.logged.length === 3, `3 log messages, not ${sdk.logged.length}`);
  },
  subscriptions: async ({ client }) => {
    await client.subscribeResource({ uri: 'test://watched-resource' });
    await client.unsubscribeResource({ uri: 'test://watched-resource' });
  },
  'elicitation, form': (sdk) => says(sdk, 'test_elicitation', { message: 'Well?' }, 'accept'),
  'elicitation, URL': (sdk) => says(sdk, 'test_elicitation_url', {}, 'accept'),
  sampling: (sdk) => says(sdk, 'test_sampling', { prompt: 'The capital of France?' }, 'Paris'),
  roots: (sdk) => says(sdk, 'test_roots', {}, 'alice'),
  tasks: async (sdk) => {
    if (!sdk.callAsTask) return NOTHING;
    const { content } = await sdk.callAsTask({ name: 'test_simple_text', arguments: {} });
    return check(content[0].text === 'A text.', 'the result of the task');
  },
  resumption: (sdk) => says(sdk, 'test_reconnection', {}, 'after the stream'),
  DELETE: async (sdk) => sdk.transport.terminateSession()
};

const WITHOUT_SESSION = {
  'elicitation, form': (sdk) => kindOf(sdk, 'test_input_required_result_elicitation', 'text'),
  'elicitation, URL': (sdk) => kindOf(sdk, 'test_input_required_result_url', 'text'),
  sampling: (sdk) => kindOf(sdk, 'test_input_required_result_sampling', 'text'),
  roots: (sdk) => kindOf(sdk, 'test_input_required_result_list_roots', 'text'),
  'rounds with state': (sdk) => kindOf(sdk, 'test_input_required_result_request_state', 'text'),
  'Mcp-Param': (sdk) => says(sdk, 'test_x_mcp_header', { region: 'Zürich' }, 'Zürich')
};

/** Go through every step. */
export const travel = async (sdk, isModern) => {
  for (const [step, go] of Object.entries({ ...COMMON, ...(isModern ? WITHOUT_SESSION : WITH_SESSION) })) {
    const late = new Promise((_, reject) => setTimeout(reject, PROMPT_MS, new Error('too late')));
    const told = await Promise.race([go(sdk), late]).then(
      (done) => (done === NOTHING ? NOTHING : { step }),
      (reason) => ({ step, error: String(reason?.message ?? reason) })
    );
    if (told !== NOTHING) console.log(JSON.stringify(told));
  }
  process.exit(0);
};
