-- An organization whose owners are gone, or will not hand it over, is given another owner by the platform; nobody else of the platform decides in it.
INSERT INTO "permissions" ("name", "description") VALUES
  ('org.recover', 'On the platform: make a member of any organization another owner of it');
INSERT INTO "role_permissions" ("role_id", "permission") VALUES
  ('00000000-0000-7000-8000-000000000001', 'org.recover');
