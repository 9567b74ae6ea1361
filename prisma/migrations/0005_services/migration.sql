CREATE TABLE "service_clients" (
  "id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "permissions" TEXT[],
  "jwks" JSONB,
  "secret_hash" BYTEA NOT NULL,
  "previous_secret_hash" BYTEA,
  "previous_expires_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "last_used_at" TIMESTAMPTZ(3),
  "disabled_at" TIMESTAMPTZ(3),
  CONSTRAINT "service_clients_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "service_clients_disabled_at_idx" ON "service_clients" ("disabled_at");

CREATE TABLE "client_assertions" (
  "client_id" UUID NOT NULL,
  "jti_hash" BYTEA NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "client_assertions_pkey" PRIMARY KEY ("client_id", "jti_hash")
);
CREATE INDEX "client_assertions_expires_at_idx" ON "client_assertions" ("expires_at");

CREATE TABLE "revoked_tokens" (
  "id" UUID NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "revoked_tokens_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "revoked_tokens_expires_at_idx" ON "revoked_tokens" ("expires_at");

CREATE TABLE "api_keys" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "prefix" TEXT NOT NULL,
  "key_hash" BYTEA NOT NULL,
  "permissions" TEXT[],
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3),
  "last_used_at" TIMESTAMPTZ(3),
  CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "api_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "api_keys_key_hash_key" ON "api_keys" ("key_hash");
CREATE INDEX "api_keys_user_id_id_idx" ON "api_keys" ("user_id", "id");
CREATE INDEX "api_keys_expires_at_idx" ON "api_keys" ("expires_at");

INSERT INTO "permissions" ("name", "description") VALUES
  ('services.manage', 'Make, rotate and delete service clients'),
  ('tokens.introspect', 'Ask whether a token is good, and whose it is');
INSERT INTO "role_permissions" ("role_id", "permission")
  SELECT '00000000-0000-7000-8000-000000000001'::uuid, "name" FROM "permissions" WHERE "name" IN ('services.manage', 'tokens.introspect');
