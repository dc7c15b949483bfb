-- What the numbers in the log stand for, and what is issued from it.

SET LOCAL ROLE wattest_owner;

CREATE TABLE wattest.sites (
    log int NOT NULL REFERENCES wattest.logs,
    site smallint NOT NULL CHECK (site > 0),
    name text NOT NULL CHECK (name <> ''),
    PRIMARY KEY (log, site),
    UNIQUE (log, name)
);

-- kind: 1 node, 2 importer, 3 a shared source such as a network switch, which is never a node of a job. site: 0 while
-- it is not known.
CREATE TABLE wattest.nodes (
    log int NOT NULL REFERENCES wattest.logs,
    node int NOT NULL CHECK (node > 0),
    name text NOT NULL CHECK (name <> ''),
    kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 3),
    site smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (log, node),
    UNIQUE (log, name)
);

-- A recorded file is imported once for each node, sensor and job; its import entry opened the chain `incarnation`.
CREATE TABLE wattest.imports (
    log int NOT NULL,
    job bigint NOT NULL,
    node int NOT NULL,
    sensor text COLLATE "C" NOT NULL,
    file_sha256 bytea NOT NULL CHECK (octet_length(file_sha256) = 32),
    incarnation bigint NOT NULL,
    PRIMARY KEY (log, job, node, sensor, file_sha256)
);

-- The only place that ties a pseudonym to a job's key. Outside of the log and erasable: what is erased leaves the
-- number and the pseudonym, which say nothing without the salt. `key` sorts by bytes, for looking up prefixes.
CREATE TABLE wattest.job_records (
    log int NOT NULL REFERENCES wattest.logs,
    job bigint NOT NULL CHECK (job > 0),
    pseudonym bytea NOT NULL CHECK (octet_length(pseudonym) = 16),
    key text COLLATE "C",
    salt bytea,
    cluster text,
    scheduler text,
    scheduler_job_id text COLLATE "C",
    submit bigint,
    record text,
    created timestamptz NOT NULL DEFAULT now(),
    erased timestamptz,
    PRIMARY KEY (log, job),
    UNIQUE (log, pseudonym),
    UNIQUE (log, key)
);
CREATE INDEX job_records_scheduler ON wattest.job_records (log, scheduler_job_id);

-- Bearer and join tokens, by their hashes. uses_left and expires are null where there is no such limit.
CREATE TABLE wattest.tokens (
    log int NOT NULL REFERENCES wattest.logs,
    token_sha256 bytea NOT NULL CHECK (octet_length(token_sha256) = 32),
    kind smallint NOT NULL,
    name text NOT NULL DEFAULT '',
    uses_left int CHECK (uses_left >= 0),
    expires timestamptz,
    created timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log, token_sha256)
);
CREATE INDEX tokens_hash ON wattest.tokens (token_sha256);

-- Issued reports, word for word. from_hour and to_hour in hours of UTC since 1970, the end not included.
CREATE TABLE wattest.reports (
    log int NOT NULL,
    number int NOT NULL CHECK (number > 0),
    index bigint NOT NULL,
    issued timestamptz NOT NULL,
    from_hour int NOT NULL,
    to_hour int NOT NULL,
    audience text NOT NULL,
    supersedes int,
    body bytea NOT NULL,
    PRIMARY KEY (log, number),
    CHECK (from_hour < to_hour)
);

-- Every checkpoint that was published, again each time that it gained cosignatures.
CREATE TABLE wattest.checkpoints (
    log int NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    at timestamptz NOT NULL,
    note bytea NOT NULL,
    PRIMARY KEY (log, size, at)
);

SELECT
    wattest.make_append_only('wattest.imports'), wattest.make_append_only('wattest.reports'),
    wattest.make_append_only('wattest.checkpoints');
SELECT
    wattest.fence('wattest.sites'), wattest.fence('wattest.nodes'), wattest.fence('wattest.imports'),
    wattest.fence('wattest.job_records'), wattest.fence('wattest.tokens'), wattest.fence('wattest.reports'),
    wattest.fence('wattest.checkpoints');

-- Who shows a token has not said yet whose it is.
CREATE POLICY intake_finds ON wattest.tokens FOR SELECT TO wattest_intake USING (true);

GRANT SELECT ON
    wattest.sites, wattest.nodes, wattest.imports, wattest.job_records, wattest.reports, wattest.checkpoints
    TO wattest_intake, wattest_reader;
GRANT SELECT, INSERT, DELETE ON wattest.tokens TO wattest_intake;
GRANT UPDATE (uses_left) ON wattest.tokens TO wattest_intake;
GRANT INSERT ON
    wattest.sites, wattest.nodes, wattest.imports, wattest.job_records, wattest.reports, wattest.checkpoints
    TO wattest_intake;
GRANT UPDATE (kind, site) ON wattest.nodes TO wattest_intake;
GRANT UPDATE (key, salt, cluster, scheduler, scheduler_job_id, submit, record, erased) ON wattest.job_records
    TO wattest_intake;

RESET ROLE;
