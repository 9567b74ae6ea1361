/** Which browsers' origins may call (Fetch §3.2): the configured ones, with credentials, and no other. */
import type { IncomingMessage } from 'node:http';
import { csrfHeaderName } from './cookies.ts';

const none: readonly string[] = [];
const exposed = 'x-request-id, retry-after, www-authenticate';
const allowedHeaders = `authorization, content-type, accept, ${csrfHeaderName}, apollo-require-preflight, x-request-id, traceparent, tracestate`;

export const openCors = (origins: readonly string[]) => {
  const allowed = new Set(origins.map((origin) => origin.replace(/\/+$/, '').toLowerCase()));
  const vary = allowed.size > 0 ? ['vary', 'origin'] : none;
  const granted = new Map<string, readonly string[]>(
    [...allowed].map((origin) => [
      origin,
      [
        'access-control-allow-origin',
        origin,
        'access-control-allow-credentials',
        'true',
        'access-control-expose-headers',
        exposed,
        ...vary,
      ],
    ]),
  );
  return {
    allows: (origin: string): boolean => allowed.has(origin),
    /** Flat name-value pairs for an answer. */
    headersFor: (req: IncomingMessage): readonly string[] => {
      const { origin } = req.headers;
      return (origin !== undefined && granted.get(origin)) || vary;
    },
    /** Flat name-value pairs for a preflight's answer; the browser takes the absence of a grant for a no. */
    preflightFor: (req: IncomingMessage): readonly string[] => {
      const grant = granted.get(req.headers.origin ?? '');
      if (!grant) return vary;
      return [
        ...grant,
        'access-control-allow-methods',
        'GET, POST',
        'access-control-allow-headers',
        allowedHeaders,
        'access-control-max-age',
        '7200',
      ];
    },
  };
};
export type Cors = ReturnType<typeof openCors>;
