/** A form of OAuth 2.0: its parameters, and by what its client proves itself. */
import type { IncomingMessage } from 'node:http';
import { basicOf } from '../../auth/services/basic.ts';
import type { ClientProof } from '../../auth/services/model.ts';
import { readBody } from '../body.ts';

/** A refusal by RFC 6749 §5.2. */
export type FormProblem = { readonly error: 'invalid_request'; readonly status: number; readonly description: string };
const malformed = (description: string, status = 400): FormProblem => ({ error: 'invalid_request', status, description });

const formType = /^application\/x-www-form-urlencoded(\s*;|\s*$)/i;
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The parameters by name; null where the client is gone. §3.2: none may come twice, and an empty one is as good as none. */
export const readForm = async (req: IncomingMessage): Promise<ReadonlyMap<string, string> | FormProblem | null> => {
  if (!formType.test(req.headers['content-type'] ?? '') || req.headers['content-encoding'] !== undefined) {
    req.resume();
    return malformed('The body has to be application/x-www-form-urlencoded.', 415);
  }
  const body = await readBody(req);
  if (body === null) return null;
  if ('refused' in body) return malformed(body.message, body.refused);
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(body.text)) {
    if (form.has(name)) return malformed('A parameter comes twice.');
    form.set(name, value);
  }
  for (const [name, value] of form) if (value === '') form.delete(name);
  return form;
};

/** What proves the client, null where nothing does. §2.3: one method in one request. */
export const proofOf = (req: IncomingMessage, form: ReadonlyMap<string, string>): ClientProof | FormProblem | null => {
  const { authorization } = req.headers;
  const [clientId, secret, assertion] = [form.get('client_id') ?? null, form.get('client_secret'), form.get('client_assertion')];
  if ([authorization, secret, assertion].filter((given) => given !== undefined).length > 1)
    return malformed('The client proves itself in more than one way.');
  if (authorization !== undefined) {
    const basic = basicOf(authorization);
    if (!basic) return malformed('The Authorization header has to be Basic.');
    if (clientId !== null && clientId !== basic.clientId) return malformed('Two clients are named.');
    return { method: 'client_secret_basic', ...basic };
  }
  if (assertion !== undefined) {
    if (form.get('client_assertion_type') !== assertionType) return malformed(`client_assertion_type has to be ${assertionType}.`);
    return { method: 'private_key_jwt', clientId, assertion };
  }
  return secret !== undefined && clientId !== null ? { method: 'client_secret_post', clientId, secret } : null;
};
