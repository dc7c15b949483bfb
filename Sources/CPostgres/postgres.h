#ifndef WATTEST_POSTGRES_H
#define WATTEST_POSTGRES_H

#include <libpq-fe.h>

// The one-letter codes of error fields are macros over character literals, which Swift does not import.
enum wattest_error_field {
    WATTEST_FIELD_SEVERITY = PG_DIAG_SEVERITY_NONLOCALIZED,
    WATTEST_FIELD_SQLSTATE = PG_DIAG_SQLSTATE,
    WATTEST_FIELD_PRIMARY = PG_DIAG_MESSAGE_PRIMARY,
    WATTEST_FIELD_HINT = PG_DIAG_MESSAGE_HINT,
    WATTEST_FIELD_TABLE = PG_DIAG_TABLE_NAME,
    WATTEST_FIELD_CONSTRAINT = PG_DIAG_CONSTRAINT_NAME
};

#endif
