# Check that a text is one SQL statement that only reads. It refuses more than necessary: it finds words everywhere,
# even in string literals, since the end of a literal depends on the database. It is one barrier of two: also give the
# backend a database role that may only read.
package extproc.sql

longest := 20000

beginning := `^[\s(]*(?:select|show|explain|describe|desc|with)\b`

# A comment can hide a keyword from this check and show it to a database (`/*! … */`), or the other way round.
comments := ["--", "/*", "*/", "#"]

# Statements that change data, and ways to execute or write from inside a query. Some databases need no `;` between
# statements, so checking the first word is not enough.
forbidden_words := {
	"alter", "attach", "backup", "begin", "benchmark", "bulk", "call", "commit", "copy", "create", "dblink",
	"dblink_exec", "deallocate", "declare", "delete", "deny", "detach", "discard", "do", "drop", "dumpfile", "exec",
	"execute", "export", "grant", "handler", "import", "insert", "install", "into", "kill", "listen", "lo_export",
	"lo_import", "load", "load_extension", "load_file", "lock", "merge", "nextval", "notify", "openquery", "openrowset",
	"opendatasource", "optimize", "outfile", "pg_cancel_backend", "pg_ls_dir", "pg_read_binary_file", "pg_read_file",
	"pg_reload_conf", "pg_sleep", "pg_sleep_for", "pg_sleep_until", "pg_terminate_backend", "pragma", "prepare",
	"query_to_xml", "reconfigure", "refresh", "reindex", "rename", "reset", "restore", "revoke", "rollback", "savepoint",
	"set", "set_config", "setval", "shutdown", "sleep", "sp_executesql", "system", "truncate", "uninstall", "unlock",
	"update", "upsert", "use", "vacuum", "waitfor", "writefile", "xp_cmdshell",
}

# Words allowed before a parenthesis: SQL's own, and functions that only compute. Any other function might read a
# file, call a host or write. Databases have more of these than a list of forbidden ones could name.
before_parenthesis := {
	"", "abs", "all", "and", "any", "array_agg", "as", "asc", "avg", "between", "by", "case", "cast", "ceil", "char_length",
	"coalesce", "concat", "count", "countif", "cube", "date", "date_part", "date_trunc", "dense_rank", "desc", "distinct",
	"else", "except", "exists", "explain", "extract", "filter", "first_value", "floor", "from", "greatest", "group",
	"grouping", "having", "if", "ifnull", "in", "intersect", "interval", "join", "json_agg", "lag", "last_value", "lead",
	"least", "left", "length", "like", "limit", "lower", "ltrim", "max", "min", "mod", "not", "nullif", "numeric", "offset",
	"on", "or", "order", "over", "partition", "position", "power", "rank", "replace", "right", "rollup", "round",
	"row_number", "rtrim", "select", "sets", "sign", "some", "sqrt", "string_agg", "substr", "substring", "sum", "then",
	"to_char", "to_date", "trim", "union", "upper", "using", "values", "varchar", "when", "where", "with", "within",
}

called(text) := {word |
	some part in regex.find_n(`[^\s(),;=<>+*/|&%!^~-]*\s*\(`, lower(text), -1)
	word := trim_space(trim_suffix(part, "("))
}

# A backslash, or `u&`, can spell a name that no list would recognise.
spelled_out(text) if contains(text, "\\")

spelled_out(text) if contains(lower(text), "u&")

words(text) := {word | some word in regex.split(`[^a-z0-9_]+`, lower(text))}

has_comment(text) if {
	some comment in comments
	contains(text, comment)
}

# One `;` may end the statement.
single(text) if not contains(trim_suffix(trim_space(text), ";"), ";")

read_only(text) if {
	is_string(text)
	count(text) <= longest
	regex.match(beginning, lower(text))
	single(text)
	not has_comment(text)
	not spelled_out(text)
	count(words(text) & forbidden_words) == 0
	count(called(text) - before_parenthesis) == 0
}
