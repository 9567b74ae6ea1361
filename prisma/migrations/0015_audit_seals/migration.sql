-- The log is tamper-evident: closed batches of it, in commit order, each with the root of a Merkle tree over its facts, signed and chained to the one before.
CREATE TABLE "audit_seals" (
  "number" BIGINT NOT NULL,
  -- How many facts it covers, and how many it and all before it do.
  "events" INTEGER NOT NULL,
  "total" BIGINT NOT NULL,
  -- Where its last fact stands. Not signed: transaction ids belong to the cluster.
  "until_tx" XID8 NOT NULL,
  "until_seq" BIGINT NOT NULL,
  "first_at" TIMESTAMPTZ(3) NOT NULL,
  "last_at" TIMESTAMPTZ(3) NOT NULL,
  -- 48 bytes for each fact: its id, and the digest of what it says. By these the first fact that does not match can be named.
  "entries" BYTEA NOT NULL,
  "root" BYTEA NOT NULL,
  -- The digest of what the seal before says; none before the first.
  "previous" BYTEA,
  "kid" TEXT NOT NULL,
  "signature" BYTEA NOT NULL,
  "sealed_at" TIMESTAMPTZ(3) NOT NULL,
  CONSTRAINT "audit_seals_pkey" PRIMARY KEY ("number")
);
-- Digests and signatures look random: nothing to compress.
ALTER TABLE "audit_seals" ALTER COLUMN "entries" SET STORAGE EXTERNAL;

CREATE FUNCTION "audit_seals_are_final"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_seals is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER "audit_seals_no_change" BEFORE UPDATE OR DELETE ON "audit_seals"
  FOR EACH ROW EXECUTE FUNCTION "audit_seals_are_final"();
CREATE TRIGGER "audit_seals_no_truncate" BEFORE TRUNCATE ON "audit_seals"
  FOR EACH STATEMENT EXECUTE FUNCTION "audit_seals_are_final"();

-- For the owner of the tables, after a logical dump was restored into another cluster, whose transaction ids begin anew: all facts get the lowest
-- id there is, and keep their order by numbers from 1 on; what remembers a place in that order is told the new one.
CREATE FUNCTION "audit_renumber"() RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMPORARY TABLE "places" ON COMMIT DROP AS
    SELECT "id", "tx", "seq", row_number() OVER (ORDER BY "tx", "seq") AS "place" FROM "audit_events";
  CREATE INDEX ON "places" ("tx", "seq");
  ALTER TABLE "audit_events" DISABLE TRIGGER "audit_events_no_change";
  ALTER TABLE "audit_seals" DISABLE TRIGGER "audit_seals_no_change";
  UPDATE "audit_seals" s SET "until_tx" = '3',
    "until_seq" = coalesce((SELECT p."place" FROM "places" p WHERE (p."tx", p."seq") <= (s."until_tx", s."until_seq") ORDER BY p."tx" DESC, p."seq" DESC LIMIT 1), 0);
  UPDATE "webhook_cursor" c SET "tx" = '3',
    "seq" = coalesce((SELECT p."place" FROM "places" p WHERE (p."tx", p."seq") <= (c."tx", c."seq") ORDER BY p."tx" DESC, p."seq" DESC LIMIT 1), 0);
  -- What is behind the cursor is theirs; a snapshot that sees no fact keeps none of it back.
  UPDATE "webhook_endpoints" SET "created_snapshot" = '3:3:';
  UPDATE "audit_events" e SET "tx" = '3', "seq" = p."place" FROM "places" p WHERE p."id" = e."id";
  ALTER TABLE "audit_events" ENABLE TRIGGER "audit_events_no_change";
  ALTER TABLE "audit_seals" ENABLE TRIGGER "audit_seals_no_change";
  PERFORM setval('audit_events_seq', greatest((SELECT count(*) FROM "places"), (SELECT last_value FROM "audit_events_seq")));
END $$;

INSERT INTO "permissions" ("name", "description") VALUES
  ('audit.verify', 'Have the seals of the audit log recomputed');
INSERT INTO "role_permissions" ("role_id", "permission") VALUES
  ('00000000-0000-7000-8000-000000000001', 'audit.verify');
