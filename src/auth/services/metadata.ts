/** What an OAuth 2.0 client finds out by itself (RFC 8414 §2). */
import { assertionAlgorithms } from './assertion.ts';
import { clientMethods } from './model.ts';

export const describeServer = ({ issuer, publicUrl }: { issuer: string; publicUrl: string }) => {
  const methods = { methods: [...clientMethods], algorithms: [...assertionAlgorithms] };
  return {
    issuer,
    token_endpoint: `${publicUrl}/oauth/token`,
    token_endpoint_auth_methods_supported: methods.methods,
    token_endpoint_auth_signing_alg_values_supported: methods.algorithms,
    introspection_endpoint: `${publicUrl}/oauth/introspect`,
    introspection_endpoint_auth_methods_supported: methods.methods,
    introspection_endpoint_auth_signing_alg_values_supported: methods.algorithms,
    revocation_endpoint: `${publicUrl}/oauth/revoke`,
    // A refresh token needs no client's proof.
    revocation_endpoint_auth_methods_supported: [...methods.methods, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: methods.algorithms,
    jwks_uri: `${publicUrl}/.well-known/jwks.json`,
    grant_types_supported: ['client_credentials'],
    // REQUIRED by §2, and empty: there is no authorization endpoint.
    response_types_supported: [] as string[],
  };
};
