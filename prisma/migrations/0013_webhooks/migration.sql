CREATE TABLE "webhook_endpoints" (
  "id" UUID NOT NULL,
  "org_id" UUID,
  "url" TEXT NOT NULL,
  "types" TEXT[],
  "sealed_secret" BYTEA NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "created_snapshot" pg_snapshot NOT NULL DEFAULT pg_current_snapshot(),
  "failing_since" TIMESTAMPTZ(3),
  "disabled_at" TIMESTAMPTZ(3),
  CONSTRAINT "webhook_endpoints_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "webhook_endpoints_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE INDEX "webhook_endpoints_org_id_id_idx" ON "webhook_endpoints" ("org_id", "id");
-- Where the eldest one that is enabled begins, and whether there is one: asked whenever the log has grown.
CREATE INDEX "webhook_endpoints_beginning" ON "webhook_endpoints" (pg_snapshot_xmin("created_snapshot")) WHERE "disabled_at" IS NULL;

-- No foreign key to the endpoint: a month of deliveries would go with it in the transaction that deletes it, or its organization, and whoever queues
-- new ones would wait for that. What has lost its endpoint is sent no more, and swept.
CREATE TABLE "webhook_deliveries" (
  "id" UUID NOT NULL,
  "endpoint_id" UUID NOT NULL,
  "event_id" UUID NOT NULL,
  "type" TEXT NOT NULL,
  "attempt" INTEGER NOT NULL DEFAULT 0,
  "status_code" INTEGER,
  "error" TEXT,
  "duration_ms" INTEGER,
  "at" TIMESTAMPTZ(3) NOT NULL,
  "next_attempt_at" TIMESTAMPTZ(3),
  "lease" UUID,
  "leased_until" TIMESTAMPTZ(3),
  CONSTRAINT "webhook_deliveries_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "webhook_deliveries_endpoint_id_event_id_key" ON "webhook_deliveries" ("endpoint_id", "event_id");
CREATE INDEX "webhook_deliveries_endpoint_id_id_idx" ON "webhook_deliveries" ("endpoint_id", "id");
-- What waits, by endpoint, so that one endpoint's queue hides no other's.
CREATE INDEX "webhook_deliveries_waiting" ON "webhook_deliveries" ("endpoint_id", "next_attempt_at") WHERE "next_attempt_at" IS NOT NULL;

-- Up to where the log has been queued, in commit order.
CREATE TABLE "webhook_cursor" (
  "id" SMALLINT NOT NULL,
  "tx" XID8 NOT NULL,
  "seq" BIGINT NOT NULL,
  CONSTRAINT "webhook_cursor_pkey" PRIMARY KEY ("id")
);
INSERT INTO "webhook_cursor" ("id", "tx", "seq") VALUES (1, '0', 0);

INSERT INTO "permissions" ("name", "description") VALUES
  ('webhooks.manage', 'On the platform: send its facts to URLs, together with audit.read'),
  ('org.webhooks.manage', 'Send the organization''s facts to URLs, together with audit.read');
INSERT INTO "role_permissions" ("role_id", "permission") VALUES
  ('00000000-0000-7000-8000-000000000001', 'webhooks.manage'),
  ('00000000-0000-7000-8000-000000000013', 'org.webhooks.manage');
