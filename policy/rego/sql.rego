# Whether a text is one SQL statement that only reads. It refuses more than it must: words are looked for everywhere,
# in string literals too, since where a literal ends depends on the database.
package extproc.sql

longest := 20000

beginning := `^[\s(]*(?:select|show|explain|describe|desc|with)\b`

# A comment can hide a keyword from us and show it to a database (`/*! … */`), or the other way round.
comments := ["--", "/*", "*/", "#"]

# Statements that change something, and ways to run or write from inside a query. No `;` is needed between statements
# in some databases, so it is not enough to look at the first word.
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
	count(words(text) & forbidden_words) == 0
}
