/** Content negotiation of GraphQL over HTTP §6.2: which form an answer takes. */

/** `response`: application/graphql-response+json, where status codes tell; `json`: application/json; `stream`: text/event-stream. */
export type Form = 'response' | 'json' | 'stream';

export const contentTypes: Readonly<Record<Form, string>> = {
  response: 'application/graphql-response+json; charset=utf-8',
  json: 'application/json; charset=utf-8',
  stream: 'text/event-stream',
};

const forms: Readonly<Record<string, Form>> = {
  'application/graphql-response+json': 'response',
  'application/json': 'json',
  'text/event-stream': 'stream',
  'application/*': 'response',
  '*/*': 'response',
};

const judge = (accept: string): Form | null => {
  let best: Form | null = null;
  let bestWeight = 0;
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const form = forms[type];
    const weight = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    // Ties go to what stands first, as clients mean it.
    if (form && weight > bestWeight) [best, bestWeight] = [form, weight];
  }
  return best;
};

const known = new Map<string, Form | null>();

/** The form an Accept header asks for, null where none of ours will do. Headers are few, so each is judged once; bounded, being anyone's text. */
export const formOf = (accept: string | undefined): Form | null => {
  if (accept === undefined || accept === '*/*') return 'response';
  let form = known.get(accept);
  if (form === undefined) {
    form = judge(accept);
    if (known.size < 500 && accept.length < 500) known.set(accept, form);
  }
  return form;
};
