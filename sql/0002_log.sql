-- The log: a narrow spine that is never partitioned and carries every uniqueness, and fat parts by time of receipt.
--
-- The tenant is `log`: it is in every key, so that the same tables can be distributed by it.

SET LOCAL ROLE wattest_owner;

-- Tools of the migrations -------------------------------------------------------------------------------------------

CREATE FUNCTION wattest.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'wattest: % on %.% refused: evidence is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- For a table, and again for each partition: a TRUNCATE trigger is not inherited, and the firing mode is not cloned.
-- ALWAYS fires under session_replication_role = replica too.
CREATE FUNCTION wattest.make_append_only(target regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgname = 'append_only') THEN
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s '
            'FOR EACH ROW EXECUTE FUNCTION wattest.refuse_change()', target);
    END IF;
    EXECUTE format('CREATE TRIGGER append_only_all BEFORE TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION wattest.refuse_change()', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_all', target);
END $$;

-- Row-level security by log. A setting that is unset, or empty after a SET LOCAL has ended, sees nothing. The
-- comparison is direct, not a sub-select, so that it becomes an index condition.
CREATE FUNCTION wattest.fence(target regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY tenant ON %s '
        'USING (log = nullif(current_setting(''app.log'', true), '''')::int)', target);
END $$;

REVOKE EXECUTE ON FUNCTION wattest.refuse_change(), wattest.make_append_only(regclass), wattest.fence(regclass)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wattest.fence(regclass) TO wattest_samples;

-- Organizations and their logs --------------------------------------------------------------------------------------

CREATE TABLE wattest.organizations (
    log int PRIMARY KEY CHECK (log > 0),
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9-]{1,40}$'),
    name text NOT NULL CHECK (name <> ''),
    origin text NOT NULL UNIQUE CHECK (origin <> ''),
    created timestamptz NOT NULL DEFAULT now()
);

-- One row each, updated by every append: the low fill factor keeps the new versions on the row's own page.
CREATE TABLE wattest.logs (
    log int PRIMARY KEY REFERENCES wattest.organizations,
    size bigint NOT NULL DEFAULT 0,
    -- Up to where the folds hold: behind `size` only during a rebuild for a new attribution rule.
    folded bigint NOT NULL DEFAULT 0,
    -- The newest published checkpoint, as served.
    checkpoint_size bigint NOT NULL DEFAULT 0,
    checkpoint bytea,
    CHECK (0 <= folded AND folded <= size),
    CHECK (0 <= checkpoint_size AND checkpoint_size <= size)
) WITH (fillfactor = 10);

CREATE FUNCTION wattest.only_forwards() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.log <> OLD.log OR NEW.size < OLD.size OR NEW.checkpoint_size < OLD.checkpoint_size THEN
        RAISE EXCEPTION 'wattest: log % may not shrink from % to %', OLD.log, OLD.size, NEW.size
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

REVOKE EXECUTE ON FUNCTION wattest.only_forwards() FROM PUBLIC;

CREATE TRIGGER only_forwards BEFORE UPDATE ON wattest.logs
    FOR EACH ROW EXECUTE FUNCTION wattest.only_forwards();
CREATE TRIGGER never_deleted BEFORE DELETE ON wattest.logs
    FOR EACH ROW EXECUTE FUNCTION wattest.refuse_change();
CREATE TRIGGER never_deleted_all BEFORE TRUNCATE ON wattest.logs
    FOR EACH STATEMENT EXECUTE FUNCTION wattest.refuse_change();
ALTER TABLE wattest.logs ENABLE ALWAYS TRIGGER only_forwards;
ALTER TABLE wattest.logs ENABLE ALWAYS TRIGGER never_deleted;
ALTER TABLE wattest.logs ENABLE ALWAYS TRIGGER never_deleted_all;

SELECT wattest.fence('wattest.organizations'), wattest.fence('wattest.logs');

-- The aggregator finds its logs here and then sets app.log for each transaction.
CREATE POLICY intake_lists ON wattest.organizations FOR SELECT TO wattest_intake USING (true);
CREATE POLICY owner_lists ON wattest.organizations FOR SELECT TO wattest_owner USING (true);
CREATE POLICY owner_founds ON wattest.organizations FOR INSERT TO wattest_owner WITH CHECK (true);
CREATE POLICY owner_founds ON wattest.logs FOR INSERT TO wattest_owner WITH CHECK (true);

-- A new organization with its log, by the next free number. A function, since nobody else may insert here: an
-- inserter would learn which names are taken.
CREATE FUNCTION wattest.found_organization(slug text, name text, origin text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number int;
BEGIN
    LOCK TABLE wattest.organizations IN SHARE ROW EXCLUSIVE MODE;
    SELECT coalesce(max(o.log), 0) + 1 INTO number FROM wattest.organizations o;
    INSERT INTO wattest.organizations (log, slug, name, origin)
        VALUES (number, found_organization.slug, found_organization.name, found_organization.origin);
    INSERT INTO wattest.logs (log) VALUES (number);
    RETURN number;
END $$;

REVOKE EXECUTE ON FUNCTION wattest.found_organization(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wattest.found_organization(text, text, text) TO wattest_intake;

-- Entries -----------------------------------------------------------------------------------------------------------

-- kind: 1 genesis, 2 node, 3 import, 4 job, 5 batch, 6 set, 7 close, 8 conflict, 9 correct, 10 report, 11 resume,
-- 12 extract. Chained entries have node, incarnation and seq; the others have none of the three.
CREATE TABLE wattest.entries (
    log int NOT NULL,
    index bigint NOT NULL CHECK (index >= 0),
    kind smallint NOT NULL CHECK (kind > 0),
    node int,
    incarnation bigint,
    seq bigint CHECK (seq >= 0),
    received timestamptz NOT NULL,
    -- RFC 6962 leaf hash: SHA-256(0x00 || note).
    leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
    PRIMARY KEY (log, index),
    UNIQUE (log, node, incarnation, seq),
    CHECK ((node IS NULL) = (seq IS NULL) AND (incarnation IS NULL) = (seq IS NULL))
);

-- An entry outside of chains is the same entry iff its bytes are.
CREATE UNIQUE INDEX entries_unchained_leaf ON wattest.entries (log, leaf) WHERE seq IS NULL;
-- Genesis, nodes, jobs, settings: few among millions of batches and extracts.
CREATE INDEX entries_records ON wattest.entries (log, index) WHERE kind NOT IN (5, 12);

CREATE TABLE wattest.notes (
    log int NOT NULL,
    index bigint NOT NULL,
    received timestamptz NOT NULL,
    note bytea NOT NULL CHECK (octet_length(note) BETWEEN 1 AND 65535),
    PRIMARY KEY (log, index, received)
) PARTITION BY RANGE (received);

-- The first note that contradicts a chain closes it; further ones would only fill the disk.
CREATE TABLE wattest.equivocations (
    log int NOT NULL,
    node int NOT NULL,
    incarnation bigint NOT NULL,
    seq bigint NOT NULL,
    received timestamptz NOT NULL,
    leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
    note bytea NOT NULL,
    PRIMARY KEY (log, node, incarnation)
);

SELECT
    wattest.make_append_only('wattest.entries'), wattest.make_append_only('wattest.notes'),
    wattest.make_append_only('wattest.equivocations');
SELECT wattest.fence('wattest.entries'), wattest.fence('wattest.notes'), wattest.fence('wattest.equivocations');

-- By name, never ON ALL TABLES, which would reach partitions.
GRANT SELECT ON wattest.organizations, wattest.logs, wattest.entries, wattest.notes, wattest.equivocations
    TO wattest_intake, wattest_reader;
GRANT INSERT ON wattest.entries, wattest.notes, wattest.equivocations TO wattest_intake;
GRANT UPDATE (size, folded, checkpoint_size, checkpoint) ON wattest.logs TO wattest_intake;

-- Partitions are made apart and attached: PARTITION OF would lock the parent against inserts. No default partition:
-- it forbids detaching concurrently.
CREATE FUNCTION wattest.ensure_note_partitions(months int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first timestamptz;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('wattest.notes'));
    FOR step IN 0..months LOOP
        first := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
        first := (first AT TIME ZONE 'UTC' + make_interval(months => step)) AT TIME ZONE 'UTC';
        part := 'notes_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
        CONTINUE WHEN to_regclass('wattest_parts.' || part) IS NOT NULL;
        EXECUTE format('CREATE TABLE wattest_parts.%I (LIKE wattest.notes INCLUDING CONSTRAINTS)', part);
        EXECUTE format('ALTER TABLE wattest.notes ATTACH PARTITION wattest_parts.%I FOR VALUES FROM (%L) TO (%L)',
            part, first, (first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
        PERFORM wattest.make_append_only(format('wattest_parts.%I', part)::regclass);
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION wattest.ensure_note_partitions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wattest.ensure_note_partitions(int) TO wattest_intake;
SELECT wattest.ensure_note_partitions(2);

-- Blocks of samples: the one thing that may be deleted, by a role that owns nothing else ------------------------------

GRANT CREATE ON SCHEMA wattest TO wattest_samples;
RESET ROLE;
SET LOCAL ROLE wattest_samples;

CREATE TABLE wattest.sample_blocks (
    log int NOT NULL,
    index bigint NOT NULL,
    received timestamptz NOT NULL,
    block bytea NOT NULL,
    PRIMARY KEY (log, index, received)
) PARTITION BY RANGE (received);
-- Delta-coded already: compressing it gains nothing.
ALTER TABLE wattest.sample_blocks ALTER block SET STORAGE EXTERNAL;
SELECT wattest.fence('wattest.sample_blocks');
GRANT SELECT ON wattest.sample_blocks TO wattest_intake, wattest_reader;
GRANT INSERT ON wattest.sample_blocks TO wattest_intake;

CREATE FUNCTION wattest.ensure_sample_partitions(days int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    day date;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('wattest.sample_blocks'));
    FOR step IN 0..days LOOP
        day := (now() AT TIME ZONE 'UTC')::date + step;
        part := 'sample_blocks_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('wattest_parts.' || part) IS NOT NULL;
        EXECUTE format(
            'CREATE TABLE wattest_parts.%I (LIKE wattest.sample_blocks INCLUDING CONSTRAINTS INCLUDING STORAGE)', part);
        EXECUTE format(
            'ALTER TABLE wattest.sample_blocks ATTACH PARTITION wattest_parts.%I FOR VALUES FROM (%L) TO (%L)',
            part, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION wattest.ensure_sample_partitions(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wattest.ensure_sample_partitions(int) TO wattest_intake;
SELECT wattest.ensure_sample_partitions(14);

RESET ROLE;
SET LOCAL ROLE wattest_owner;
REVOKE CREATE ON SCHEMA wattest FROM wattest_samples;
RESET ROLE;
