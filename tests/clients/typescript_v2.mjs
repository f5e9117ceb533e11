// The TypeScript SDK, version 2, driven by lines of JSON.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Provider, callTool, listen, serve } from './oauth_provider.mjs';

const url = new URL(process.argv[2]);
const { redirectUrl, callback } = await listen();
const provider = new Provider(redirectUrl, 'TypeScript SDK v2');
let transport;

const connect = async () => {
  transport = new StreamableHTTPClientTransport(url, { authProvider: provider });
  const client = new Client({ name: 'typescript-v2', version: '1.0.0' });
  await client.connect(transport);
  return client;
};

await serve(() => callTool({
  connect,
  provider,
  callback,
  isUnauthorized: (error) => error instanceof UnauthorizedError,
  finishAuth: (answer) => transport.finishAuth(answer),
}));
