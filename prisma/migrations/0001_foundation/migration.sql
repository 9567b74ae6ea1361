CREATE TYPE "user_status" AS ENUM ('PENDING_VERIFICATION', 'ACTIVE', 'DEACTIVATED', 'DELETED');
CREATE TYPE "signing_key_state" AS ENUM ('next', 'active', 'retired');
CREATE TYPE "audit_outcome" AS ENUM ('SUCCESS', 'FAILURE');

-- users ---------------------------------------------------------------------------------------------------------------

CREATE TABLE "users" (
  "id" UUID NOT NULL,
  "email" TEXT,
  "email_key" TEXT,
  "email_verified_at" TIMESTAMPTZ(3),
  "username" TEXT,
  "username_key" TEXT,
  "name" TEXT,
  "phone" TEXT,
  "phone_verified_at" TIMESTAMPTZ(3),
  "timezone" TEXT,
  "locale" TEXT,
  "avatar_url" TEXT,
  "preferences" JSONB NOT NULL DEFAULT '{}',
  "status" "user_status" NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  "last_login_at" TIMESTAMPTZ(3),
  "deleted_at" TIMESTAMPTZ(3),
  CONSTRAINT "users_pkey" PRIMARY KEY ("id")
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX "users_email_key_key" ON "users" ("email_key");
CREATE UNIQUE INDEX "users_username_key_key" ON "users" ("username_key");

CREATE TABLE "one_time_tokens" (
  "id" UUID NOT NULL,
  "purpose" TEXT NOT NULL,
  "user_id" UUID NOT NULL,
  "token_hash" BYTEA NOT NULL,
  "code_hash" BYTEA,
  "code_attempts" INTEGER NOT NULL DEFAULT 0,
  "code_expires_at" TIMESTAMPTZ(3),
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "used_at" TIMESTAMPTZ(3),
  "data" JSONB NOT NULL DEFAULT '{}',
  CONSTRAINT "one_time_tokens_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "one_time_tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "one_time_tokens_token_hash_key" ON "one_time_tokens" ("token_hash");
CREATE INDEX "one_time_tokens_user_id_purpose_idx" ON "one_time_tokens" ("user_id", "purpose");
CREATE INDEX "one_time_tokens_expires_at_idx" ON "one_time_tokens" ("expires_at");

-- passwords -----------------------------------------------------------------------------------------------------------

CREATE TABLE "passwords" (
  "user_id" UUID NOT NULL,
  "hash" TEXT NOT NULL,
  "changed_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "passwords_pkey" PRIMARY KEY ("user_id"),
  CONSTRAINT "passwords_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE TABLE "password_history" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "hash" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "password_history_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "password_history_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE INDEX "password_history_user_id_id_idx" ON "password_history" ("user_id", "id");

-- login ---------------------------------------------------------------------------------------------------------------

CREATE TABLE "lockouts" (
  "key" BYTEA NOT NULL,
  "failures" INTEGER NOT NULL DEFAULT 0,
  "pending" INTEGER NOT NULL DEFAULT 0,
  "touched_at" TIMESTAMPTZ(3) NOT NULL,
  "locked_until" TIMESTAMPTZ(3),
  CONSTRAINT "lockouts_pkey" PRIMARY KEY ("key")
) WITH (fillfactor = 70);
CREATE INDEX "lockouts_touched_at_idx" ON "lockouts" ("touched_at");

CREATE TABLE "devices" (
  "user_id" UUID NOT NULL,
  "key" BYTEA NOT NULL,
  "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
  "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "devices_pkey" PRIMARY KEY ("user_id", "key"),
  CONSTRAINT "devices_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
) WITH (fillfactor = 80);

-- sessions ------------------------------------------------------------------------------------------------------------

CREATE TABLE "sessions" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "org_id" UUID,
  "client_id" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "idle_seconds" INTEGER NOT NULL,
  "revoked_at" TIMESTAMPTZ(3),
  "revoked_reason" TEXT,
  "persistent" BOOLEAN NOT NULL,
  "amr" TEXT[],
  "authenticated_at" TIMESTAMPTZ(3) NOT NULL,
  "ip_address" TEXT,
  "user_agent" TEXT,
  "browser" TEXT,
  "os" TEXT,
  "country" TEXT,
  "device_name" TEXT,
  "device_fingerprint" TEXT,
  "generation" INTEGER NOT NULL DEFAULT 0,
  "rotated_at" TIMESTAMPTZ(3) NOT NULL,
  "seen_generation" INTEGER NOT NULL DEFAULT -1,
  "salt" BYTEA NOT NULL,
  CONSTRAINT "sessions_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
  -- Half-filled pages: a refresh touches no indexed column, so it stays a heap-only update on its page.
) WITH (fillfactor = 50);
CREATE INDEX "sessions_user_id_id_idx" ON "sessions" ("user_id", "id");
CREATE INDEX "sessions_revoked_at_idx" ON "sessions" ("revoked_at");
CREATE INDEX "sessions_expires_at_idx" ON "sessions" ("expires_at");

-- tokens --------------------------------------------------------------------------------------------------------------

CREATE TABLE "signing_keys" (
  "kid" TEXT NOT NULL,
  "algorithm" TEXT NOT NULL,
  "state" "signing_key_state" NOT NULL,
  "public_jwk" JSONB NOT NULL,
  "sealed_private" BYTEA NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "activated_at" TIMESTAMPTZ(3),
  "retired_at" TIMESTAMPTZ(3),
  CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("kid")
);
-- At most one key signs and one waits, whatever two replicas do at once.
CREATE UNIQUE INDEX "signing_keys_one_active" ON "signing_keys" ("state") WHERE "state" <> 'retired';

CREATE TABLE "sealed_secrets" (
  "name" TEXT NOT NULL,
  "sealed" BYTEA NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "sealed_secrets_pkey" PRIMARY KEY ("name")
);

-- access --------------------------------------------------------------------------------------------------------------

CREATE TABLE "permissions" (
  "name" TEXT NOT NULL,
  "description" TEXT NOT NULL,
  CONSTRAINT "permissions_pkey" PRIMARY KEY ("name")
);
CREATE TABLE "roles" (
  "id" UUID NOT NULL,
  "org_id" UUID,
  "name" TEXT NOT NULL,
  "description" TEXT,
  "built_in" BOOLEAN NOT NULL DEFAULT false,
  CONSTRAINT "roles_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "roles_org_id_name_key" ON "roles" ("org_id", "name") NULLS NOT DISTINCT;
CREATE TABLE "role_permissions" (
  "role_id" UUID NOT NULL,
  "permission" TEXT NOT NULL,
  CONSTRAINT "role_permissions_pkey" PRIMARY KEY ("role_id", "permission"),
  CONSTRAINT "role_permissions_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "roles" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "role_permissions_permission_fkey" FOREIGN KEY ("permission") REFERENCES "permissions" ("name") ON DELETE RESTRICT ON UPDATE NO ACTION
);
CREATE TABLE "role_assignments" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "role_id" UUID NOT NULL,
  "org_id" UUID,
  "granted_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "role_assignments_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "role_assignments_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "role_assignments_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "roles" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "role_assignments_user_id_role_id_org_id_key" ON "role_assignments" ("user_id", "role_id", "org_id") NULLS NOT DISTINCT;
CREATE INDEX "role_assignments_role_id_idx" ON "role_assignments" ("role_id");

INSERT INTO "permissions" ("name", "description") VALUES
  ('users.read', 'See every user''s account'),
  ('sessions.read', 'See every user''s sessions, and follow them live'),
  ('sessions.revoke', 'Revoke any user''s sessions'),
  ('audit.read', 'Read and follow the audit log'),
  ('keys.rotate', 'Rotate the key that signs access tokens');
INSERT INTO "roles" ("id", "name", "description", "built_in") VALUES
  ('00000000-0000-7000-8000-000000000001', 'superadmin', 'Everything on the platform', true),
  ('00000000-0000-7000-8000-000000000002', 'support', 'Helps users: sees accounts and sessions, revokes sessions', true);
INSERT INTO "role_permissions" ("role_id", "permission")
  SELECT '00000000-0000-7000-8000-000000000001'::uuid, "name" FROM "permissions"
  UNION ALL
  SELECT '00000000-0000-7000-8000-000000000002'::uuid, "name" FROM "permissions" WHERE "name" IN ('users.read', 'sessions.read', 'sessions.revoke');

-- audit ---------------------------------------------------------------------------------------------------------------

CREATE SEQUENCE "audit_events_seq" AS BIGINT CACHE 1;
CREATE TABLE "audit_events" (
  "id" UUID NOT NULL,
  "tx" XID8 NOT NULL DEFAULT pg_current_xact_id(),
  "seq" BIGINT NOT NULL DEFAULT nextval('audit_events_seq'::regclass),
  "type" TEXT NOT NULL,
  "occurred_at" TIMESTAMPTZ(3) NOT NULL,
  "outcome" "audit_outcome" NOT NULL,
  "actor_id" UUID,
  "actor_client" TEXT,
  "impersonator_id" UUID,
  "subject_id" UUID,
  "org_id" UUID,
  "session_id" UUID,
  "resource" TEXT,
  "ip_address" TEXT,
  "user_agent" TEXT,
  "request_id" TEXT,
  "data" JSONB NOT NULL DEFAULT '{}',
  CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
) PARTITION BY RANGE ("id");
-- Whatever no month's partition takes (a clock far off): never refused, and found by the same queries.
CREATE TABLE "audit_events_default" PARTITION OF "audit_events" DEFAULT;
CREATE INDEX "audit_events_tx_seq_idx" ON "audit_events" ("tx", "seq");
CREATE INDEX "audit_events_subject_id_id_idx" ON "audit_events" ("subject_id", "id");
-- What most facts need no entry in: whose actor is their subject, that belong to no organization, and the one fact of every few minutes of
-- every session. Each entry left out is a refresh that costs less; queries say the same condition (src/auth/audit/list.ts, news.ts).
CREATE INDEX "audit_events_actor_id_id_idx" ON "audit_events" ("actor_id", "id") WHERE "actor_id" IS DISTINCT FROM "subject_id";
CREATE INDEX "audit_events_org_id_id_idx" ON "audit_events" ("org_id", "id") WHERE "org_id" IS NOT NULL;
CREATE INDEX "audit_events_type_id_idx" ON "audit_events" ("type", "id") WHERE "type" <> 'session.refreshed';

CREATE FUNCTION "audit_events_are_final"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER "audit_events_no_change" BEFORE UPDATE OR DELETE ON "audit_events"
  FOR EACH ROW EXECUTE FUNCTION "audit_events_are_final"();
CREATE TRIGGER "audit_events_no_truncate" BEFORE TRUNCATE ON "audit_events"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_are_final"();

-- The least UUIDv7 of an instant (RFC 9562 §5.7: 48 bits of Unix milliseconds come first), for the bounds of a month.
CREATE FUNCTION "uuid_floor"("at" TIMESTAMPTZ) RETURNS UUID LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM "at") * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
-- Makes the partitions of `months` months from that of `start` on. One whose rows already are in the default partition is left there.
CREATE FUNCTION "audit_ensure_partitions"("start" TIMESTAMPTZ, "months" INTEGER) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  lower_bound TIMESTAMPTZ := date_trunc('month', "start", 'UTC');
  upper_bound TIMESTAMPTZ;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('audit_ensure_partitions'));
  FOR i IN 1.."months" LOOP
    upper_bound := (lower_bound AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    BEGIN
      EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
        'audit_events_' || to_char(lower_bound AT TIME ZONE 'UTC', 'YYYY_MM'), uuid_floor(lower_bound), uuid_floor(upper_bound));
    EXCEPTION WHEN check_violation THEN
      RAISE NOTICE 'rows of % are in the default partition', lower_bound;
    END;
    lower_bound := upper_bound;
  END LOOP;
END $$;
