ALTER TABLE "roles" ADD COLUMN "kind" TEXT NOT NULL DEFAULT 'platform';

CREATE TABLE "organizations" (
  "id" UUID NOT NULL,
  "name" TEXT NOT NULL,
  "slug" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "updated_at" TIMESTAMPTZ(3) NOT NULL,
  "require_mfa" BOOLEAN NOT NULL DEFAULT false,
  "max_sessions_per_user" INTEGER,
  "allowed_email_domains" TEXT[],
  "session_idle_seconds" INTEGER,
  "audit_retention_days" INTEGER,
  CONSTRAINT "organizations_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "organizations_slug_key" ON "organizations" ("slug");

CREATE TABLE "org_members" (
  "org_id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "role_id" UUID NOT NULL,
  "joined_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "org_members_pkey" PRIMARY KEY ("org_id", "user_id"),
  CONSTRAINT "org_members_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "org_members_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "org_members_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "roles" ("id") ON DELETE RESTRICT ON UPDATE NO ACTION
);
CREATE INDEX "org_members_user_id_org_id_idx" ON "org_members" ("user_id", "org_id");
CREATE INDEX "org_members_org_id_role_id_user_id_idx" ON "org_members" ("org_id", "role_id", "user_id");

CREATE TABLE "invitations" (
  "id" UUID NOT NULL,
  "org_id" UUID NOT NULL,
  "email" TEXT NOT NULL,
  "email_key" TEXT NOT NULL,
  "role_id" UUID NOT NULL,
  "invited_by" UUID,
  "token_hash" BYTEA NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3) NOT NULL,
  "ended_at" TIMESTAMPTZ(3),
  CONSTRAINT "invitations_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "invitations_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "invitations_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "roles" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE UNIQUE INDEX "invitations_token_hash_key" ON "invitations" ("token_hash");
CREATE INDEX "invitations_org_id_id_idx" ON "invitations" ("org_id", "id");
-- One open invitation of an address to an organization.
CREATE UNIQUE INDEX "invitations_one_open" ON "invitations" ("org_id", "email_key") WHERE "ended_at" IS NULL;

INSERT INTO "permissions" ("name", "description") VALUES
  ('org.read', 'See the organization'),
  ('org.update', 'Change the organization''s name and settings'),
  ('org.members.read', 'See the organization''s members'),
  ('org.members.manage', 'Invite, add and remove members, and change their roles'),
  ('org.own', 'Make and unmake owners'),
  ('trading.view', 'See trading accounts of the organization'),
  ('trading.trade', 'Trade with accounts of the organization');
INSERT INTO "roles" ("id", "name", "description", "built_in", "kind") VALUES
  ('00000000-0000-7000-8000-000000000011', 'viewer', 'Sees the organization', true, 'organization'),
  ('00000000-0000-7000-8000-000000000012', 'trader', 'Trades', true, 'organization'),
  ('00000000-0000-7000-8000-000000000013', 'admin', 'Manages members and settings', true, 'organization'),
  ('00000000-0000-7000-8000-000000000014', 'owner', 'Everything in the organization', true, 'organization');
INSERT INTO "role_inherits" ("role_id", "inherits_id") VALUES
  ('00000000-0000-7000-8000-000000000012', '00000000-0000-7000-8000-000000000011'),
  ('00000000-0000-7000-8000-000000000013', '00000000-0000-7000-8000-000000000012'),
  ('00000000-0000-7000-8000-000000000014', '00000000-0000-7000-8000-000000000013');
INSERT INTO "role_permissions" ("role_id", "permission") VALUES
  ('00000000-0000-7000-8000-000000000011', 'org.read'),
  ('00000000-0000-7000-8000-000000000011', 'org.members.read'),
  ('00000000-0000-7000-8000-000000000011', 'trading.view'),
  ('00000000-0000-7000-8000-000000000012', 'trading.trade'),
  ('00000000-0000-7000-8000-000000000013', 'org.update'),
  ('00000000-0000-7000-8000-000000000013', 'org.members.manage'),
  ('00000000-0000-7000-8000-000000000013', 'audit.read'),
  ('00000000-0000-7000-8000-000000000013', 'sessions.read'),
  ('00000000-0000-7000-8000-000000000014', 'org.own'),
  ('00000000-0000-7000-8000-000000000001', 'org.read'),
  ('00000000-0000-7000-8000-000000000001', 'org.members.read');
