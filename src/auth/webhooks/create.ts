/** Making an endpoint. Its secret is shown once, and kept sealed. */
import type { Clock, Database, Fanout, Kms, Random, WebhookSender } from '../../infra/ports.ts';
import type { AuditTrail } from '../audit/record.ts';
import type { Caller } from '../caller.ts';
import type { Refused } from '../outcome.ts';
import { type EnterNeeds, enterWebhooks, requireReading } from './enter.ts';
import { type Endpoint, hostOf, mostEndpoints, resourceOf, typesProblem, urlProblem } from './model.ts';
import { newSecret, sealSecret } from './secret.ts';
import { insertEndpoint, lockOwner } from './store.ts';

export type CreateNeeds = EnterNeeds & {
  database: Database;
  clock: Clock;
  random: Random;
  kms: Kms;
  fanout: Fanout;
  trail: AuditTrail;
  webhookSender: Pick<WebhookSender, 'refuses'>;
  config: { production: boolean };
};
export type CreateWebhookInput = { orgId?: string | null; url: string; types: readonly string[] };
export type WebhookCreated = { readonly kind: 'WebhookCreated'; readonly endpoint: Endpoint; readonly secret: string };

/** On which processes tell each other that there is something new to send, or somebody new to send to. Losable. */
export const webhookTopic = 'webhooks';

/** What is committed from now on is sent; nothing of before. */
export const createWebhook =
  (needs: CreateNeeds) =>
  async (caller: Caller, input: CreateWebhookInput): Promise<WebhookCreated | Refused<'NotFound' | 'InvalidInput' | 'QuotaExceeded'>> => {
    const { database, clock, random, kms, fanout, trail, webhookSender, config } = needs;
    const orgId = input.orgId?.toLowerCase() ?? null;
    if (!(await enterWebhooks(needs, caller, orgId))) return { kind: 'NotFound' };
    await requireReading(needs, caller, orgId);
    const { production } = config;
    const problem = urlProblem(input.url, { production, refuses: webhookSender.refuses }) ?? typesProblem(input.types);
    if (problem) return problem;
    const at = clock.now();
    const [id, types, { key, shown }] = [random.uuid(at), [...new Set(input.types)].sort(), newSecret(random)];
    // As it is sent to: one spelling of a host, whatever was typed.
    const url = new URL(input.url).href;
    const sealed = await sealSecret(kms, { id, orgId }, key);
    const outcome = await database.transaction(async (sql): Promise<Endpoint | Refused<'NotFound' | 'QuotaExceeded'>> => {
      if (!(await lockOwner(sql, orgId))) return { kind: 'NotFound' };
      const endpoint = await insertEndpoint(sql, { id, orgId, url, types, sealed, at });
      if (!endpoint) return { kind: 'QuotaExceeded', limit: mostEndpoints };
      const fact = {
        type: 'webhook.created',
        data: { host: hostOf(url), types },
        orgId,
        subjectId: null,
        resource: resourceOf(id),
      } as const;
      await trail.write(sql, [trail.fact(caller, fact)]);
      return endpoint;
    });
    if ('kind' in outcome) return outcome;
    trail.committed();
    fanout.publish(webhookTopic, 1);
    return { kind: 'WebhookCreated', endpoint: outcome, secret: shown };
  };
