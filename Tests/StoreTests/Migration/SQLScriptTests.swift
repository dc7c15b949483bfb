import Testing

@testable import Store

@Suite struct SQLScriptTests {
    private func texts(_ sql: String) throws -> [String] {
        try SQLScript.pieces(of: Array(sql.utf8)).map(\.text)
    }

    @Test func cutsAtSemicolonsOutsideOfQuotes() throws {
        #expect(try texts("SELECT 1; SELECT ';' ; SELECT \"a;b\";") == ["SELECT 1", "SELECT ';'", "SELECT \"a;b\""])
    }

    @Test func keepsDollarQuotesWhole() throws {
        let body = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$"
        #expect(try texts(body + ";SELECT 2") == [body, "SELECT 2"])
        let nested = "DO $outer$ BEGIN EXECUTE $inner$ SELECT 1; $inner$; END $outer$"
        #expect(try texts(nested) == [nested])
    }

    @Test func aParameterIsNoDollarQuote() throws {
        #expect(try texts("SELECT $1; SELECT $2") == ["SELECT $1", "SELECT $2"])
        #expect(try texts("SELECT a$b$c; SELECT 1") == ["SELECT a$b$c", "SELECT 1"])
    }

    @Test func commentsHideSemicolonsAndQuotes() throws {
        #expect(
            try texts("-- it's; nothing\nSELECT 1 -- ;'\n + 1; /* a; /* b; */ ' */ SELECT 2;")
                == ["SELECT 1 -- ;'\n + 1", "SELECT 2"])
    }

    @Test func quotesInsideQuotes() throws {
        #expect(
            try texts(#"SELECT 'it''s;'; SELECT E'a\';b'; SELECT 'a\'; SELECT 3"#)
                == [#"SELECT 'it''s;'"#, #"SELECT E'a\';b'"#, #"SELECT 'a\'"#, "SELECT 3"])
    }

    @Test func emptyStatementsAreNothing() throws {
        #expect(try texts(";;  ;\n-- end\n").isEmpty)
    }

    @Test func linesAreCounted() throws {
        let pieces = try SQLScript.pieces(of: Array("-- one\nSELECT 1;\n\nSELECT\n 2;".utf8))
        #expect(pieces.map(\.line) == [2, 4])
    }

    @Test(arguments: ["SELECT 'a", "SELECT $x$ a $y$", "/* a /* b */", "SELECT \"a", "SELECT E'a\\'"])
    func whatDoesNotEndIsAnError(_ sql: String) {
        #expect { try SQLScript.pieces(of: Array(("SELECT 1;\n" + sql).utf8)) } throws: { error in
            let error = error as? StoreError
            return error?.kind == .migration && error?.message.hasPrefix("line 2:") == true
        }
    }
}
