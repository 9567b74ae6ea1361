-- Roles that organizations make. What belongs to an organization goes with it, and refers to nothing of another one.
ALTER TABLE "roles" ADD CONSTRAINT "roles_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations" ("id") ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE "role_assignments" ADD CONSTRAINT "role_assignments_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations" ("id") ON DELETE CASCADE ON UPDATE NO ACTION;
ALTER TABLE "permission_grants" ADD CONSTRAINT "permission_grants_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organizations" ("id") ON DELETE CASCADE ON UPDATE NO ACTION;
CREATE INDEX "role_assignments_org_id_user_id_idx" ON "role_assignments" ("org_id", "user_id");
CREATE INDEX "permission_grants_org_id_user_id_idx" ON "permission_grants" ("org_id", "user_id");

-- The second check of what divides tenants: whatever a statement says, a role of one organization is held, invited to or inherited in that one alone,
-- and roles of the platform and of organizations never mix.
CREATE FUNCTION "role_stays_in_its_organization"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE "held" roles%ROWTYPE; "heir" roles%ROWTYPE; "holder" uuid; "where_kind" text;
BEGIN
  IF TG_TABLE_NAME = 'role_inherits' THEN
    SELECT * INTO "held" FROM roles WHERE id = NEW.inherits_id;
    SELECT * INTO "heir" FROM roles WHERE id = NEW.role_id;
    "holder" := "heir".org_id;
    "where_kind" := "heir".kind;
  ELSE
    SELECT * INTO "held" FROM roles WHERE id = NEW.role_id;
    "holder" := NEW.org_id;
    "where_kind" := CASE WHEN NEW.org_id IS NULL THEN 'platform' ELSE 'organization' END;
  END IF;
  IF "held".kind <> "where_kind" OR ("held".org_id IS NOT NULL AND "held".org_id IS DISTINCT FROM "holder") THEN
    RAISE EXCEPTION 'a role of one organization does not reach another' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER "org_members_role" BEFORE INSERT OR UPDATE OF "role_id", "org_id" ON "org_members" FOR EACH ROW EXECUTE FUNCTION "role_stays_in_its_organization"();
CREATE TRIGGER "invitations_role" BEFORE INSERT OR UPDATE OF "role_id", "org_id" ON "invitations" FOR EACH ROW EXECUTE FUNCTION "role_stays_in_its_organization"();
CREATE TRIGGER "role_assignments_role" BEFORE INSERT OR UPDATE OF "role_id", "org_id" ON "role_assignments" FOR EACH ROW EXECUTE FUNCTION "role_stays_in_its_organization"();
CREATE TRIGGER "role_inherits_role" BEFORE INSERT OR UPDATE ON "role_inherits" FOR EACH ROW EXECUTE FUNCTION "role_stays_in_its_organization"();

INSERT INTO "permissions" ("name", "description") VALUES
  ('roles.manage', 'Make, change and remove roles of the platform of which one holds every permission'),
  ('org.roles.manage', 'Make, change and remove roles of the organization of which one holds every permission');
INSERT INTO "role_permissions" ("role_id", "permission") VALUES
  ('00000000-0000-7000-8000-000000000001', 'roles.manage'),
  ('00000000-0000-7000-8000-000000000013', 'org.roles.manage'),
  ('00000000-0000-7000-8000-000000000013', 'permissions.grant'),
  ('00000000-0000-7000-8000-000000000013', 'permissions.check');
