// The npm package oidc-provider in one process, with everything in memory: its own adapter forgets
// all but a thousand entries, so this is the same without that bound.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const TOKENS = 10_000;
const LOGINS = 1_000;
const entries = new Map();
const grants = new Map();

class Adapter {
  constructor(name) { this.name = name; }
  key(id) { return `${this.name}:${id}`; }
  async upsert(id, payload) {
    const key = this.key(id);
    if (payload.grantId) {
      if (!grants.has(payload.grantId)) grants.set(payload.grantId, []);
      grants.get(payload.grantId).push(key);
    }
    entries.set(key, payload);
  }
  async find(id) { return entries.get(this.key(id)); }
  async consume(id) { entries.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { entries.delete(this.key(id)); }
  async revokeByGrantId(id) { for (const key of grants.get(id) ?? []) entries.delete(key); }
}

const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const address = `127.0.0.1:${server.address().port}`;
const redirect_uris = ['http://127.0.0.1/callback'];
const provider = new Provider(`http://${address}`, {
  adapter: Adapter,
  clients: [
    { client_id: 'wiki', client_secret: 'a-secret-of-the-wiki', redirect_uris },
    {
      client_id: 'app', token_endpoint_auth_method: 'none', application_type: 'native', redirect_uris,
      grant_types: ['authorization_code', 'refresh_token'],
    },
  ],
  cookies: { keys: ['a key of the benchmark'] },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    registration: { enabled: true },
  },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: 86400, RefreshToken: 86400, Grant: 86400 },
});
server.on('request', provider.callback());

const client = await provider.Client.find('app');
const scope = 'offline_access';
async function issue(Kind) {
  const grant = new provider.Grant({ accountId: 'ada', clientId: 'app' });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  return new Kind({ accountId: 'ada', client, grantId, scope, gty: 'authorization_code' }).save();
}
const tokens = [];
for (let n = 0; n < TOKENS; n++) tokens.push(await issue(provider.AccessToken));
const logins = [];
for (let n = 0; n < LOGINS; n++) logins.push(['app', await issue(provider.RefreshToken)]);

const credentials = Buffer.from('wiki:a-secret-of-the-wiki').toString('base64');
console.log(address, JSON.stringify({
  check: {
    line: 'POST /token/introspection', headers: [`Authorization: Basic ${credentials}`],
    form: 'token={token}&token_type_hint=access_token', expect: '"active":true',
  },
  tokens,
  refresh: { line: 'POST /token', form: 'grant_type=refresh_token&client_id={client_id}&refresh_token={token}' },
  logins,
  register: '/reg',
}));
