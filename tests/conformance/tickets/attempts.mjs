// A tool that waits for approval, called until it is done, by either version of the TypeScript SDK. Each attempt is a
// line of JSON.

export const TOOL = 'test_structured_content'; // it has an output schema, by which clients check results
export const info = { name: 'ticket-client', version: '1.0.0' };
const MOST = 12;
const PAUSE_MS = 1_000;

export const tell = (facts) => console.log(JSON.stringify(facts));

/** Answer the question to open a page, and tell of it. */
export const elicited =
  (action) =>
  ({ params }) => {
    tell({ elicited: params });
    return { action };
  };

/** Make the same call again while it is answered with a ticket, as its text says. */
export const callUntilDone = async (call) => {
  for (let attempt = 0; attempt < MOST; attempt += 1) {
    const began = Date.now();
    const seconds = () => Math.round((Date.now() - began) / 100) / 10;
    let result;
    try {
      result = await call({ name: TOOL, arguments: {} });
    } catch (error) {
      tell({ raised: `${error.name}: ${error.message}`, seconds: seconds() });
      return;
    }
    const text = result.content.map((each) => each.text ?? '').join(' ');
    const meta = result._meta?.['extproc/approval'] ?? null;
    tell({ text, error: result.isError ?? false, meta, seconds: seconds() });
    if (!result.isError) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
};
