/** OpenTelemetry by hand: a span for each request and one for each GraphQL operation; nothing is loaded unless an endpoint is set. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Config } from '../config.ts';
import type { House } from './house.ts';

export type Trace = {
  /** Runs `work` within a child span. */
  operation<T>(type: string, name: string | null, work: () => Promise<T>): Promise<T>;
  end(status: number): void;
};
export type Tracing = {
  start(method: string, route: string, requestId: string, headers: IncomingHttpHeaders): Trace;
  close(): Promise<void>;
};

/** Null without `OTEL_EXPORTER_OTLP_ENDPOINT`. */
export const openTracing = async (config: Config, about: House['about']): Promise<Tracing | null> => {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint) return null;
  const [{ NodeSDK, resources }, { OTLPTraceExporter }, api] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/api'),
  ]);
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({ 'service.name': about.name, 'service.version': about.version }),
    traceExporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }),
    // Of the environment alone: a process' arguments and paths are nobody's business.
    resourceDetectors: [resources.envDetector],
    instrumentations: [],
  });
  sdk.start();
  const tracer = api.trace.getTracer(about.name, about.version);
  const failed = { code: api.SpanStatusCode.ERROR };
  return {
    start(method, route, requestId, headers) {
      // W3C Trace Context: a caller's trace goes on here.
      const parent = api.propagation.extract(api.context.active(), headers);
      const attributes = { 'http.request.method': method, 'http.route': route, 'latchkey.request_id': requestId };
      const span = tracer.startSpan(`${method} ${route}`, { kind: api.SpanKind.SERVER, attributes }, parent);
      const context = api.trace.setSpan(parent, span);
      return {
        operation: (type, name, work) =>
          api.context.with(context, () =>
            tracer.startActiveSpan(
              name ? `${type} ${name}` : type,
              { attributes: { 'graphql.operation.type': type, ...(name && { 'graphql.operation.name': name }) } },
              async (child) => {
                try {
                  return await work();
                } catch (error) {
                  child.setStatus(failed);
                  throw error;
                } finally {
                  child.end();
                }
              },
            ),
          ),
        end(status) {
          span.setAttribute('http.response.status_code', status);
          if (status >= 500) span.setStatus(failed);
          span.end();
        },
      };
    },
    close: () => sdk.shutdown(),
  };
};
