-- A user's account with a broker. `sealed` holds the credentials under a data key of their own, which is wrapped beside them in the same
-- value: without the column neither is left.
CREATE TABLE "trading_accounts" (
  "id" UUID NOT NULL,
  "owner_id" UUID NOT NULL,
  "broker" TEXT NOT NULL,
  "broker_user_id" TEXT NOT NULL,
  "nickname" TEXT,
  "preferences" JSONB NOT NULL DEFAULT '{}',
  "status" TEXT NOT NULL,
  "api_key_hint" TEXT NOT NULL,
  "sealed" BYTEA,
  "version" INTEGER NOT NULL DEFAULT 1,
  "token_expires_at" TIMESTAMPTZ(3),
  "linked_at" TIMESTAMPTZ(3) NOT NULL,
  "last_verified_at" TIMESTAMPTZ(3),
  "credentials_rotated_at" TIMESTAMPTZ(3),
  "next_check_at" TIMESTAMPTZ(3) NOT NULL,
  "unlinked_at" TIMESTAMPTZ(3),
  CONSTRAINT "trading_accounts_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "trading_accounts_owner_id_fkey" FOREIGN KEY ("owner_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "trading_accounts_sealed_while_linked" CHECK (("status" = 'UNLINKED') = ("sealed" IS NULL))
);
CREATE INDEX "trading_accounts_owner_id_id_idx" ON "trading_accounts" ("owner_id", "id");
CREATE INDEX "trading_accounts_unlinked_at_idx" ON "trading_accounts" ("unlinked_at");
-- A broker's user is linked once, whoever links it.
CREATE UNIQUE INDEX "trading_accounts_one_link" ON "trading_accounts" ("broker", "broker_user_id") WHERE "status" <> 'UNLINKED';
CREATE INDEX "trading_accounts_due" ON "trading_accounts" ("next_check_at") WHERE "status" = 'ACTIVE';

CREATE TABLE "trading_account_shares" (
  "account_id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "access" TEXT NOT NULL,
  "granted_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3),
  CONSTRAINT "trading_account_shares_pkey" PRIMARY KEY ("account_id", "user_id"),
  CONSTRAINT "trading_account_shares_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "trading_accounts" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "trading_account_shares_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE INDEX "trading_account_shares_user_id_idx" ON "trading_account_shares" ("user_id");

-- The owner's consent that a program reads the credentials: beside its permission, and for this account alone.
CREATE TABLE "trading_account_services" (
  "account_id" UUID NOT NULL,
  "client_id" UUID NOT NULL,
  "granted_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3),
  CONSTRAINT "trading_account_services_pkey" PRIMARY KEY ("account_id", "client_id"),
  CONSTRAINT "trading_account_services_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "trading_accounts" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "trading_account_services_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "service_clients" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE INDEX "trading_account_services_client_id_idx" ON "trading_account_services" ("client_id");

-- The superadmin holds it in order to give it to programs; a person's reveals nothing by it.
INSERT INTO "permissions" ("name", "description") VALUES
  ('trading:credentials.read', 'For programs: read the credentials of trading accounts whose owners let them');
INSERT INTO "role_permissions" ("role_id", "permission") VALUES
  ('00000000-0000-7000-8000-000000000001', 'trading:credentials.read');
