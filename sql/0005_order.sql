-- What several aggregators on one database need: the order of the log decides, not the aggregator that took an entry.

SET LOCAL ROLE wattest_owner;

-- A group was judged against the log as it stood at one size. Under the log's lock, at another size, it has to be judged
-- again: the transaction ends here.
CREATE FUNCTION wattest.require_size(required_log int, required bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM wattest.logs l WHERE l.log = required_log AND l.size = required) THEN
        RAISE EXCEPTION 'wattest: log % has not the size %', required_log, required USING ERRCODE = 'WA001';
    END IF;
END $$;

REVOKE EXECUTE ON FUNCTION wattest.require_size(int, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wattest.require_size(int, bigint) TO wattest_intake;

-- Sums over nodes and hours of values that single nodes name: no node's nonsense may keep another's postings out.
ALTER TABLE wattest.energy_hourly
    ALTER accelerator TYPE numeric(39, 0), ALTER cpu TYPE numeric(39, 0), ALTER dram TYPE numeric(39, 0),
    ALTER rest TYPE numeric(39, 0), ALTER network TYPE numeric(39, 0);
ALTER TABLE wattest.job_hourly
    ALTER accelerator TYPE numeric(39, 0), ALTER cpu TYPE numeric(39, 0), ALTER dram TYPE numeric(39, 0),
    ALTER rest TYPE numeric(39, 0), ALTER network TYPE numeric(39, 0);
ALTER TABLE wattest.power_minutely ALTER uj TYPE numeric(39, 0);

RESET ROLE;
