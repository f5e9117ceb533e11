// The TypeScript SDK, version 1, driven by lines of JSON.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Provider, callTool, listen, serve } from './oauth_provider.mjs';

const url = new URL(process.argv[2]);
const { redirectUrl, callback } = await listen();
const provider = new Provider(redirectUrl, 'TypeScript SDK v1');
let transport;

const connect = async () => {
  transport = new StreamableHTTPClientTransport(url, { authProvider: provider });
  const client = new Client({ name: 'typescript-v1', version: '1.0.0' });
  await client.connect(transport);
  return client;
};

await serve(() => callTool({
  connect,
  provider,
  callback,
  isUnauthorized: (error) => error instanceof UnauthorizedError,
  finishAuth: (answer) => transport.finishAuth(answer.get('code')),
}));
