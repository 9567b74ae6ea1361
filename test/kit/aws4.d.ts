declare module 'aws4' {
  type Request = {
    host: string;
    path: string;
    method: string;
    service: string;
    region: string;
    headers: Record<string, string>;
    body: string;
  };
  /** Signs the request (Signature Version 4) as it stands, and puts what is missing into its headers. */
  export function sign(request: Request, credentials: { accessKeyId: string; secretAccessKey: string }): Request;
}
