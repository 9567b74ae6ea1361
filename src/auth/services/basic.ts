/** How a client sends its id and secret in an Authorization header. */

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined; RFC 7617 §2: the first colon parts them. Null for any other form. */
export const basicOf = (authorization: string): { clientId: string; secret: string } | null => {
  const encoded = /^basic +([\w+/]+=*) *$/i.exec(authorization)?.[1];
  if (!encoded) return null;
  const [, clientId, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  if (clientId === undefined || secret === undefined) return null;
  try {
    const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
    return { clientId: decode(clientId), secret: decode(secret) };
  } catch {
    return null;
  }
};
