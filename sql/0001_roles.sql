-- Roles, schemas, and the record of migrations.
--
-- Roles belong to the whole server, so that another database may have made them already, perhaps at this moment.
-- Nobody logs in as an owner: migrations take the role for as long as they run.

DO $$
DECLARE
    role record;
BEGIN
    FOR role IN
        SELECT * FROM (VALUES
            ('wattest_owner', 'NOLOGIN'),      -- owns the schema; migrates
            ('wattest_samples', 'NOLOGIN'),    -- owns only what may be deleted: blocks of samples
            ('wattest_intake', 'LOGIN'),       -- appends
            ('wattest_reader', 'LOGIN'),       -- reads
            ('wattest_retention', 'LOGIN')     -- drops old blocks of samples
        ) AS roles (name, login)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role.name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s', role.name, role.login);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END $$;

DO $$
DECLARE
    membership record;
BEGIN
    FOR membership IN
        SELECT * FROM (VALUES
            ('wattest_samples', 'wattest_retention'),
            ('wattest_samples', 'wattest_owner'),
            ('wattest_owner', current_user),
            ('wattest_samples', current_user)
        ) AS memberships (role, member)
    LOOP
        -- A superuser is a member of everything.
        IF NOT pg_has_role(membership.member, membership.role, 'MEMBER') THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', membership.role, membership.member);
            -- Granted by another database's migration at this moment.
            EXCEPTION WHEN unique_violation OR internal_error THEN
                NULL;
            END;
        END IF;
    END LOOP;
END $$;

CREATE SCHEMA IF NOT EXISTS wattest AUTHORIZATION wattest_owner;

-- Partitions live apart, where intake and reader have no USAGE: the policies of a partitioned table do not guard
-- its partitions against being read directly.
CREATE SCHEMA IF NOT EXISTS wattest_parts AUTHORIZATION wattest_owner;

SET LOCAL ROLE wattest_owner;

GRANT USAGE ON SCHEMA wattest TO wattest_intake, wattest_reader, wattest_retention, wattest_samples;
GRANT USAGE, CREATE ON SCHEMA wattest_parts TO wattest_samples;

CREATE TABLE wattest.migrations (
    name text PRIMARY KEY,
    checksum bytea NOT NULL CHECK (octet_length(checksum) = 32),
    applied timestamptz NOT NULL DEFAULT now()
);

RESET ROLE;

-- The migrator records what it applied; everybody may ask whether the schema is current.
GRANT SELECT ON wattest.migrations TO wattest_intake, wattest_reader, wattest_retention;
