-- A trigger of statements is not handed down to partitions as one of rows is: without one of its own, a month could be emptied by its name.
DO $$
DECLARE
  partition REGCLASS;
BEGIN
  FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_events'::regclass LOOP
    EXECUTE format('CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION audit_events_are_final()', partition);
  END LOOP;
END $$;

-- Makes the partitions of `months` months from that of `start` on. One whose rows already are in the default partition is left there.
CREATE OR REPLACE FUNCTION "audit_ensure_partitions"("start" TIMESTAMPTZ, "months" INTEGER) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  lower_bound TIMESTAMPTZ := date_trunc('month', "start", 'UTC');
  upper_bound TIMESTAMPTZ;
  partition TEXT;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('audit_ensure_partitions'));
  FOR i IN 1.."months" LOOP
    upper_bound := (lower_bound AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    partition := 'audit_events_' || to_char(lower_bound AT TIME ZONE 'UTC', 'YYYY_MM');
    IF to_regclass(partition) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)', partition, uuid_floor(lower_bound), uuid_floor(upper_bound));
        EXECUTE format('CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION audit_events_are_final()', partition);
      EXCEPTION WHEN check_violation THEN
        RAISE NOTICE 'rows of % are in the default partition', lower_bound;
      END;
    END IF;
    lower_bound := upper_bound;
  END LOOP;
END $$;

-- The least UUIDv7 of an instant (RFC 9562 §5.7: 48 bits of Unix milliseconds come first); of one before 1970 the least of all.
CREATE OR REPLACE FUNCTION "uuid_floor"("at" TIMESTAMPTZ) RETURNS UUID LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(greatest((extract(epoch FROM "at") * 1000)::bigint, 0)), 12, '0') || repeat('0', 20))::uuid
$$;
