INSERT INTO "permissions" ("name", "description") VALUES
  ('users.write', 'Make, change, activate and deactivate accounts, and import them'),
  ('users.unlock', 'Lift the locks that wrong passwords and codes put on an account'),
  ('users.delete', 'Delete any user''s account'),
  ('users.impersonate', 'Act as another user for half an hour, on the record'),
  ('roles.assign', 'Give and take roles of which one holds every permission'),
  ('sessions.cleanup', 'Sweep sessions that are over');
INSERT INTO "role_permissions" ("role_id", "permission")
  SELECT '00000000-0000-7000-8000-000000000001'::uuid, "name" FROM "permissions"
    WHERE "name" IN ('users.write', 'users.unlock', 'users.delete', 'users.impersonate', 'roles.assign', 'sessions.cleanup')
  UNION ALL
  SELECT '00000000-0000-7000-8000-000000000002'::uuid, 'users.unlock';
UPDATE "roles" SET "description" = 'Helps users: sees and unlocks accounts, sees and revokes sessions'
  WHERE "id" = '00000000-0000-7000-8000-000000000002';

-- Which administrator acts in the session as its user.
ALTER TABLE "sessions" ADD COLUMN "impersonator_id" UUID;
CREATE INDEX "sessions_impersonated" ON "sessions" ("impersonator_id") WHERE "impersonator_id" IS NOT NULL;

-- The account's key beside each network's and device's: an administrator lifts them all without knowing either.
ALTER TABLE "lockouts" ADD COLUMN "account" BYTEA;
CREATE INDEX "lockouts_of_account" ON "lockouts" ("account") WHERE "account" IS NOT NULL;

-- Pages of users: each filter is a walk along an index, as long as the page. text_pattern_ops, because a LIKE of a prefix uses no other
-- index where the collation is not C.
CREATE INDEX "users_living" ON "users" ("id") WHERE "status" <> 'DELETED';
CREATE INDEX "users_status_id_idx" ON "users" ("status", "id");
CREATE INDEX "users_email_prefix" ON "users" ("email_key" text_pattern_ops, "id") WHERE "status" <> 'DELETED';
CREATE INDEX "users_username_prefix" ON "users" ("username_key" text_pattern_ops, "id") WHERE "status" <> 'DELETED';
CREATE INDEX "users_name_prefix" ON "users" (lower("name") text_pattern_ops, "id") WHERE "status" <> 'DELETED';
CREATE INDEX "role_assignments_role_id_user_id_idx" ON "role_assignments" ("role_id", "user_id");
DROP INDEX "role_assignments_role_id_idx";
