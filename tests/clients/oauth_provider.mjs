// What an application gives the TypeScript SDK: a place for its state, and a browser. The state is
// in memory; the browser is a person at the other end of stdout.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

export const say = (what) => console.log(JSON.stringify(what));

/** Listens for the redirect. `callback()` is the next one, as URLSearchParams, for whoever asked last. */
export async function listen() {
  let waiting;
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    response.end('You may close this window.');
    if (url.pathname === '/callback') waiting?.(url.searchParams);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const redirectUrl = `http://127.0.0.1:${server.address().port}/callback`;
  return { redirectUrl, callback: () => new Promise((resolve) => (waiting = resolve)) };
}

/** An OAuthClientProvider of the SDK, for a public client. */
export class Provider {
  state_ = {};

  constructor(redirectUrl, name) {
    this.redirectUrl = redirectUrl;
    this.clientMetadata = {
      client_name: name,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state() { return (this.state_.state = crypto.randomUUID() + '+/=&'); }
  clientInformation() { return this.state_.client; }
  saveClientInformation(client) { this.state_.client = client; }
  tokens() { return this.state_.tokens; }
  saveTokens(tokens) { this.state_.tokens = tokens; }
  redirectToAuthorization(url) { say({ open: url.toString() }); }
  saveCodeVerifier(verifier) { this.state_.verifier = verifier; }
  codeVerifier() { return this.state_.verifier; }
  saveDiscoveryState(discovery) { this.state_.discovery = discovery; }
  discoveryState() { return this.state_.discovery; }
  invalidateCredentials(what) {
    if (what === 'all' || what === 'client') delete this.state_.client;
    if (what === 'all' || what === 'tokens') delete this.state_.tokens;
    if (what === 'all' || what === 'verifier') delete this.state_.verifier;
    if (what === 'all' || what === 'discovery') delete this.state_.discovery;
  }
}

/** Answers each line of stdin with what `handle` returns, or its error. */
export async function serve(handle) {
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      say(await handle(JSON.parse(line)));
    } catch (error) {
      say({ error: `${error.name}: ${error.message}` });
    }
  }
  process.exit(0);
}

/** Connects, signing in if the server wants it, calls the tool, and says what came of it. */
export async function callTool({ connect, isUnauthorized, finishAuth, provider, callback }) {
  const redirected = callback();
  let client;
  try {
    client = await connect();
  } catch (error) {
    if (!isUnauthorized(error)) throw error;
    const answer = await redirected;
    if (answer.get('state') !== provider.state_.state) throw new Error('another state came back');
    if (answer.get('error')) throw new Error(answer.get('error'));
    await finishAuth(answer);
    client = await connect();
  }
  try {
    const result = await client.callTool({ name: 'whoami', arguments: {} });
    const { access_token, refresh_token } = provider.tokens();
    return { result: result.structuredContent, access_token, refresh_token };
  } finally {
    await client.close();
  }
}
