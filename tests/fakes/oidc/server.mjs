// A whole provider of OpenID Connect on loopback, set as Okta is: node server.mjs PORT HUB_ORIGIN
// PEOPLE, where PEOPLE is JSON of names and their claims.
import { Provider } from 'oidc-provider';

const [port, hub, people] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const accounts = JSON.parse(people);
const auth = `${hub}/api/v1/auth/oidc`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'orca-hub',
      client_secret: 'kept by the hub alone',
      redirect_uris: [`${auth}/callback`],
      post_logout_redirect_uris: [`${hub}/`],
      backchannel_logout_uri: `${auth}/backchannel-logout`,
      backchannel_logout_session_required: true,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: 'openid profile email groups offline_access',
    },
  ],
  claims: {
    openid: ['sub', 'sid'],
    email: ['email'],
    profile: ['name', 'preferred_username'],
    groups: ['groups'],
  },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  conformIdTokenClaims: false, // the claims of scopes stand in the ID token
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, ...accounts[id] }),
  }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: (_, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  // Its own way refuses loopback, where the hub of these tests is.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  cookies: { keys: ['of these tests alone'] },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.on('backchannel.error', (_, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
