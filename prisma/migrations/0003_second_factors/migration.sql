ALTER TABLE "users" ADD COLUMN "strong_mfa_only" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "sessions" ADD COLUMN "trusted_device_id" UUID;

CREATE TABLE "mfa_methods" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "type" TEXT NOT NULL,
  "label" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "confirmed_at" TIMESTAMPTZ(3),
  "setup_ends_at" TIMESTAMPTZ(3) NOT NULL,
  "last_used_at" TIMESTAMPTZ(3),
  "sealed_secret" BYTEA,
  "last_step" BIGINT NOT NULL DEFAULT -1,
  "phone" TEXT,
  "credential_id" BYTEA,
  "public_key" BYTEA,
  "counter" BIGINT NOT NULL DEFAULT 0,
  "transports" TEXT[],
  "code_hash" BYTEA,
  "challenge" BYTEA,
  "attempts" INTEGER NOT NULL DEFAULT 0,
  CONSTRAINT "mfa_methods_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "mfa_methods_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE INDEX "mfa_methods_user_id_id_idx" ON "mfa_methods" ("user_id", "id");
CREATE INDEX "mfa_methods_setup_ends_at_idx" ON "mfa_methods" ("setup_ends_at");
CREATE UNIQUE INDEX "mfa_methods_credential_id_key" ON "mfa_methods" ("credential_id");
-- One authenticator app, one mailbox, one phone; security keys and passkeys may be several. Whatever two confirmations do at once.
CREATE UNIQUE INDEX "mfa_methods_one_of_a_type" ON "mfa_methods" ("user_id", "type") WHERE "confirmed_at" IS NOT NULL AND "type" <> 'WEBAUTHN';

CREATE TABLE "mfa_backup_codes" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "code_hash" BYTEA NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "used_at" TIMESTAMPTZ(3),
  CONSTRAINT "mfa_backup_codes_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "mfa_backup_codes_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "mfa_backup_codes_user_id_code_hash_key" ON "mfa_backup_codes" ("user_id", "code_hash");

CREATE TABLE "mfa_challenges" (
  "id" UUID NOT NULL,
  "purpose" TEXT NOT NULL,
  "token_hash" BYTEA,
  "user_id" UUID,
  "session_id" UUID,
  "binding" BYTEA,
  "proof" JSONB NOT NULL DEFAULT '{}',
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "code_type" TEXT,
  "code_hash" BYTEA,
  "code_attempts" INTEGER NOT NULL DEFAULT 0,
  "code_expires_at" TIMESTAMPTZ(3),
  "challenge" BYTEA,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "used_at" TIMESTAMPTZ(3),
  CONSTRAINT "mfa_challenges_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "mfa_challenges_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "mfa_challenges_token_hash_key" ON "mfa_challenges" ("token_hash");
CREATE INDEX "mfa_challenges_user_id_idx" ON "mfa_challenges" ("user_id");
CREATE INDEX "mfa_challenges_session_id_idx" ON "mfa_challenges" ("session_id");
CREATE INDEX "mfa_challenges_expires_at_idx" ON "mfa_challenges" ("expires_at");

CREATE TABLE "trusted_devices" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "session_id" UUID NOT NULL,
  "token_hash" BYTEA NOT NULL,
  "name" TEXT,
  "browser" TEXT,
  "os" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "last_used_at" TIMESTAMPTZ(3),
  CONSTRAINT "trusted_devices_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "trusted_devices_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "trusted_devices_token_hash_key" ON "trusted_devices" ("token_hash");
CREATE INDEX "trusted_devices_user_id_id_idx" ON "trusted_devices" ("user_id", "id");
CREATE INDEX "trusted_devices_session_id_idx" ON "trusted_devices" ("session_id");
CREATE INDEX "trusted_devices_expires_at_idx" ON "trusted_devices" ("expires_at");
