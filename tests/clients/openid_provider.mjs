// Another OpenID provider, the npm package oidc-provider with its own development pages: whatever
// name somebody signs in with there is an account. Arguments: port, client id, secret, redirect URI.
import Provider from 'oidc-provider';

const [port, client_id, client_secret, redirect_uri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

/** `eve.unverified` has the mail address of `eve`, which nobody has verified. */
function claims(sub) {
  const [name, unverified] = sub.split('.');
  return { sub, preferred_username: name, email: `${name}@example.org`, email_verified: !unverified };
}

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
  conformIdTokenClaims: true,
  pkce: { required: () => true },
  cookies: { keys: ['a key of the test'] },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => claims(sub) }),
});
provider.listen(Number(port), '127.0.0.1');
