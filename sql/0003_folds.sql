-- Folds: sums over postings, added in the very transaction that appends the batch. They can be made anew from the
-- entries; nothing else can.
--
-- Wide, one column for each component: one upsert for up to five postings. Energy in µJ; hours and minutes in UTC
-- since 1970. account: 0 job, 1 idle_reserved (of a job), 2 idle, 3 unattributed, 4 gap, 5 tenant, 6 superseded;
-- job is 0 where the account is not a job's.

SET LOCAL ROLE wattest_owner;

-- Detail: the nodes of a job.
CREATE TABLE wattest.energy_hourly (
    log int NOT NULL,
    job bigint NOT NULL,
    account smallint NOT NULL,
    hour int NOT NULL,
    node int NOT NULL,
    provenance smallint NOT NULL,
    boundary smallint NOT NULL,
    rule smallint NOT NULL,
    accelerator bigint NOT NULL DEFAULT 0,
    cpu bigint NOT NULL DEFAULT 0,
    dram bigint NOT NULL DEFAULT 0,
    rest bigint NOT NULL DEFAULT 0,
    network bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (log, job, account, hour, node, provenance, boundary, rule)
) WITH (fillfactor = 80);

-- What reports read: no node, but the site (grid zone, PUE).
CREATE TABLE wattest.job_hourly (
    log int NOT NULL,
    hour int NOT NULL,
    job bigint NOT NULL,
    account smallint NOT NULL,
    site smallint NOT NULL,
    provenance smallint NOT NULL,
    boundary smallint NOT NULL,
    rule smallint NOT NULL,
    accelerator bigint NOT NULL DEFAULT 0,
    cpu bigint NOT NULL DEFAULT 0,
    dram bigint NOT NULL DEFAULT 0,
    rest bigint NOT NULL DEFAULT 0,
    network bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (log, hour, job, account, site, provenance, boundary, rule)
) WITH (fillfactor = 80);

-- For display. Without the accounts tenant and superseded, whose energy another account or log carries.
CREATE TABLE wattest.power_minutely (
    log int NOT NULL,
    minute int NOT NULL,
    job bigint NOT NULL,
    uj bigint NOT NULL,
    PRIMARY KEY (log, minute, job)
) WITH (fillfactor = 80);
CREATE INDEX power_minutely_job ON wattest.power_minutely (log, job, minute);

-- Node-time of a job in ms: energy and shape known; energy known, shape not; neither.
CREATE TABLE wattest.coverage_hourly (
    log int NOT NULL,
    job bigint NOT NULL,
    node int NOT NULL,
    hour int NOT NULL,
    measured_ms bigint NOT NULL DEFAULT 0,
    bridged_ms bigint NOT NULL DEFAULT 0,
    missing_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (log, job, node, hour)
) WITH (fillfactor = 80);
CREATE INDEX coverage_hourly_hour ON wattest.coverage_hourly (log, hour);

-- Holes, as the batch at `index` shows them, in µs of UTC.
CREATE TABLE wattest.gaps (
    log int NOT NULL,
    index bigint NOT NULL,
    part smallint NOT NULL,
    node int NOT NULL,
    job bigint NOT NULL,
    from_us bigint NOT NULL,
    to_us bigint NOT NULL,
    kind smallint NOT NULL,
    PRIMARY KEY (log, index, part),
    CHECK (from_us <= to_us)
);
CREATE INDEX gaps_time ON wattest.gaps (log, from_us);

SELECT wattest.make_append_only('wattest.gaps');
SELECT
    wattest.fence('wattest.energy_hourly'), wattest.fence('wattest.job_hourly'),
    wattest.fence('wattest.power_minutely'), wattest.fence('wattest.coverage_hourly'), wattest.fence('wattest.gaps');

GRANT SELECT ON
    wattest.energy_hourly, wattest.job_hourly, wattest.power_minutely, wattest.coverage_hourly, wattest.gaps
    TO wattest_intake, wattest_reader;
GRANT INSERT, UPDATE ON
    wattest.energy_hourly, wattest.job_hourly, wattest.power_minutely, wattest.coverage_hourly
    TO wattest_intake;
GRANT INSERT ON wattest.gaps TO wattest_intake;

RESET ROLE;
