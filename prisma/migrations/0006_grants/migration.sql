-- Roles inherit: who has a role has what those have that it inherits from. No cycles: a role inherits from built-in or older ones.
CREATE TABLE "role_inherits" (
  "role_id" UUID NOT NULL,
  "inherits_id" UUID NOT NULL,
  CONSTRAINT "role_inherits_pkey" PRIMARY KEY ("role_id", "inherits_id"),
  CONSTRAINT "role_inherits_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "roles" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "role_inherits_inherits_id_fkey" FOREIGN KEY ("inherits_id") REFERENCES "roles" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
);
CREATE INDEX "role_inherits_inherits_id_idx" ON "role_inherits" ("inherits_id");

-- One permission, given to one person: everywhere or in an organization, on everything or on one thing, for good or until a date.
CREATE TABLE "permission_grants" (
  "id" UUID NOT NULL,
  "user_id" UUID NOT NULL,
  "permission" TEXT NOT NULL,
  "org_id" UUID,
  "resource" TEXT,
  "granted_by" UUID,
  "granted_at" TIMESTAMPTZ(3) NOT NULL,
  "expires_at" TIMESTAMPTZ(3),
  "reason" TEXT,
  CONSTRAINT "permission_grants_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "permission_grants_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION,
  CONSTRAINT "permission_grants_permission_fkey" FOREIGN KEY ("permission") REFERENCES "permissions" ("name") ON DELETE RESTRICT ON UPDATE NO ACTION
);
CREATE INDEX "permission_grants_user_id_id_idx" ON "permission_grants" ("user_id", "id");
CREATE INDEX "permission_grants_expires_at_idx" ON "permission_grants" ("expires_at");

INSERT INTO "permissions" ("name", "description") VALUES
  ('permissions.grant', 'Grant users permissions that one holds, and take such grants back'),
  ('permissions.check', 'Ask what another user may do');
INSERT INTO "role_permissions" ("role_id", "permission") VALUES
  ('00000000-0000-7000-8000-000000000001', 'permissions.grant'),
  ('00000000-0000-7000-8000-000000000001', 'permissions.check'),
  ('00000000-0000-7000-8000-000000000002', 'permissions.check');
