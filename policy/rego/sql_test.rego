package extproc.sql_test

import data.extproc.sql

reads := [
	"select 1",
	"SELECT name FROM customers WHERE city = 'Bern'",
	"  \n\tSelect * from orders ;",
	"(select 1) union (select 2)",
	"WITH recent AS (SELECT * FROM orders) SELECT count(*) FROM recent",
	"show tables",
	"EXPLAIN SELECT 1",
	"describe orders",
	"select updated_at, deleted from orders",
	"select count(*), sum (amount) from orders where id in (1, 2) and (a or (b)) group by (c)",
	"with recent as (select 1) select * from recent join (select 2) x on (1 = 1)",
	"select coalesce(max(amount), 0) from orders where exists (select 1)",
]

writes := [
	"", ";", "selection", "selectx 1", "drop table orders", "DELETE FROM orders", "delete\nfrom orders",
	"select 1; drop table orders", "select 1;; select 2", "select 1 drop table orders",
	"WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
	"with x as (select 1) uPdAtE orders set a = 1",
	"select * into copy_of_orders from orders", "SELECT * FROM orders INTO OUTFILE '/tmp/x'",
	"/*!50000 drop */ select 1", "select 1 -- ; drop table orders", "select 1 # x", "-- x\ndrop table orders",
	"sel/**/ect 1", "explain analyze delete from orders", "select pg_sleep(10)", "select load_file('/etc/passwd')",
	"select setval('s', 1)", "exec xp_cmdshell 'dir'", "begin; select 1", "truncate orders", "call p()",
	"select\u00a01;\u00a0drop table orders", "insert into orders values (1)", "merge into a using b on 1=1",
	`select u&"\0070g_read_file"('/etc/passwd')`, "select dblink_send_query('c', 'x')", "select lo_unlink(1)",
	"select * from url('http://10.0.0.1/')", "select * from s3 ('x')", "select file('/etc/passwd')", "explain analyze select f()",
	"select \"pg_file_write\"('a', 'b')", "select utl_http.request('x') from dual", "select public . f (1)", "select [f](1)",
	"values (1)", "table orders", "pragma writable_schema = 1", "copy orders to '/tmp/x'",
]

test_reading_passes if {
	every text in reads {
		sql.read_only(text)
	}
}

test_writing_does_not if {
	every text in writes {
		not sql.read_only(text)
	}
}

test_only_text_passes if {
	every value in [null, 1, true, ["select 1"], {"sql": "select 1"}] {
		not sql.read_only(value)
	}
}

test_too_long_does_not_pass if {
	long := concat("", ["select ", concat(",", [format_int(i, 10) | some i in numbers.range(1, 6000)])])
	not sql.read_only(long)
}
