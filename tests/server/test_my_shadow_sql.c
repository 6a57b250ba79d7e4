/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statements that copy a table into its shadow and compare both, on MariaDB and MySQL: every type as the server's own
 * ALTER TABLE … ALGORITHM=COPY leaves it, and nothing that is wrong is swallowed or overlooked. */
#include <stdio.h>

#include "base/memory.h"
#include "shadow/my_shadow_sql.h"
#include "tests/server/my_sessions.h"

static struct lk_test_my *server;
static struct lk_session *session, *app;

static int setup(void **state)
{
	static const char *const options[] = {"--log-bin=binlog", "--binlog-format=ROW",
					      "--server-id=1", NULL};
	(void)state;
	server = lk_test_my_start(options);
	session = server ? my_session(server, "worker") : NULL;
	app = server ? my_session(server, "watch") : NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (session)
		lk_session_close(session);
	if (app)
		lk_session_close(app);
	lk_test_my_stop(server);
	return 0;
}

/* The table t as `sql` makes it, and its shadow. */
static void make(const char *sql, const char *alter, struct lk_my_shape *shape)
{
	struct lk_error error = {0};
	my_need(server);
	lk_test_my_sql(server, "DROP TABLE IF EXISTS t, t_lk_new, t_lk_old, n");
	my_must(app, sql);
	if (!lk_my_shape_examine(session, "t", alter, shape, &error) ||
	    !lk_my_shadow_session(session, shape, &error) ||
	    !lk_my_shadow_make(session, shape, false, &error))
		fail_msg("%s: %s", alter, error.text);
}

static bool run(char *sql, struct lk_error *error)
{
	memset(error, 0, sizeof *error);
	bool done = lk_execute(session, sql, error);
	free(sql);
	return done;
}

static void must_run(char *sql)
{
	struct lk_error error = {0};
	char *shown = lk_strdup(sql);
	if (!run(sql, &error))
		fail_msg("%s\n%s", shown, error.text);
	free(shown);
}

static void copy(const struct lk_my_shape *shape, char *const *low, char *const *high)
{
	must_run(lk_my_chunk_copy(shape, low, high));
}

/* Rows as "a b; c d"; the caller's. */
static char *rows_of(char *sql)
{
	struct lk_buffer out = {0};
	struct lk_error error;
	struct lk_result r;
	if (!lk_query(session, &r, &error, sql, 0, NULL))
		fail_msg("%s\n%s", sql, error.text);
	for (size_t i = 0; i < r.rows; i++)
		for (size_t c = 0; c < r.columns; c++)
			lk_buffer_addf(&out, "%s%s",
				       c   ? " "
				       : i ? "; "
					   : "",
				       lk_cell(&r, i, c) ? lk_cell(&r, i, c) : "NULL");
	lk_result_free(&r);
	free(sql);
	return lk_buffer_take(&out);
}

static void must_yield(char *sql, const char *expected)
{
	char *shown = lk_strdup(sql), *rows = rows_of(sql);
	if (strcmp(rows, expected) != 0)
		fail_msg("%s\nyields \"%s\", expected \"%s\"", shown, rows, expected);
	free(rows);
	free(shown);
}

static void compare_in(const struct lk_my_shape *shape, char *const *low, char *const *high,
		       const char *expected)
{
	must_run(lk_my_compare_begin(shape));
	must_run(lk_my_compare_stage(shape, low, high));
	char *original = rows_of(lk_my_compare_sum(shape, LK_MY_ORIGINAL, low, high));
	char *shadow = rows_of(lk_my_compare_sum(shape, LK_MY_SHADOW, low, high));
	bool equal = strcmp(original, shadow) == 0;
	if (equal != (expected[0] == '\0'))
		fail_msg("%s: original %s, shadow %s, expected \"%s\"", shape->alter, original,
			 shadow, expected);
	must_yield(lk_my_compare_differ(shape, low, high, 10), expected);
	free(original);
	free(shadow);
}

static void compare(const struct lk_my_shape *shape, const char *expected)
{
	compare_in(shape, NULL, NULL, expected);
}

/* What every column of a table holds, byte by byte; FLOATs as the doubles that they are. */
static char *contents(const char *table)
{
	struct lk_buffer sql = {0};
	struct lk_my_relation relation;
	struct lk_error error;
	if (!lk_my_relation_read(session, table, &relation, &error))
		fail_msg("%s", error.text);
	lk_buffer_add(&sql, "SELECT 1");
	for (size_t i = 0; i < relation.column_count; i++) {
		const struct lk_my_relation_column *c = &relation.columns[i];
		bool real = strncmp(c->type, "float", 5) == 0 || strncmp(c->type, "double", 6) == 0;
		lk_buffer_addf(&sql, real ? ", %s + 0e0" : ", HEX(CONCAT(_binary'', %s))", c->sql);
	}
	lk_buffer_addf(&sql, " FROM %s ORDER BY 2", table);
	lk_my_relation_free(&relation);
	return rows_of(lk_buffer_take(&sql));
}

/* The shadow against a copy of the table that the server has altered itself. */
static void must_be_as_native(const struct lk_my_shape *shape, const char *alter)
{
	my_must(session, "CREATE TABLE n LIKE t");
	struct lk_buffer columns = {0};
	for (size_t i = 0; i < shape->mapping.count; i++)
		lk_buffer_addf(&columns, "%s%s", i ? ", " : "",
			       shape->mapping.columns[i].from->sql);
	must_run(lk_format("INSERT INTO n (%s) SELECT %s FROM t", lk_buffer_text(&columns),
			   lk_buffer_text(&columns)));
	lk_buffer_free(&columns);
	must_run(lk_format("ALTER TABLE n %s, ALGORITHM=COPY", alter));
	char *shadow = contents(shape->shadow_sql), *native = contents("n");
	if (strcmp(shadow, native) != 0)
		fail_msg("%s:\n%s\nnative:\n%s", alter, shadow, native);
	free(native);
	free(shadow);
}

struct conversion {
	const char *from, *to, *values; /* rows of (1, value), … */
	bool direct;
};

static void must_convert(const struct conversion *c)
{
	struct lk_my_shape shape;
	char *table = lk_format("CREATE TABLE t (id int PRIMARY KEY, c %s) DEFAULT CHARSET=latin1",
				c->from);
	char *alter = lk_format("MODIFY c %s", c->to);
	make(table, alter, &shape);
	must_run(lk_format("INSERT INTO t VALUES %s, (99, NULL)", c->values));
	/* MariaDB's JSON is a text. */
	bool direct = c->direct || (my_is_mariadb() && strcmp(c->to, "json") == 0);
	if (shape.mapping.direct != direct)
		fail_msg("%s to %s: direct is %d", c->from, c->to, shape.mapping.direct);
	copy(&shape, NULL, NULL);
	compare(&shape, "");
	must_be_as_native(&shape, alter);
	must_run(lk_strdup("UPDATE t_lk_new SET c = NULL WHERE id = 1"));
	compare(&shape, "1 differs");
	lk_my_shape_free(&shape);
	free(alter);
	free(table);
}

#define UTF8 " CHARACTER SET utf8mb4"
#define LATIN " CHARACTER SET latin1"
static const struct conversion conversions[] = {
	{"int", "bigint", "(1,-2147483648),(2,2147483647),(3,0)", true},
	{"int unsigned", "bigint unsigned", "(1,4294967295),(2,0)", true},
	{"bigint", "tinyint", "(1,-128),(2,127)", true},
	{"int(5) zerofill", "bigint", "(1,7),(2,123456)", true},
	{"int", "decimal(20,4)", "(1,-2147483648),(2,2147483647)", true},
	{"bigint unsigned", "decimal(20,0)", "(1,18446744073709551615)", true},
	{"decimal(20,6)", "decimal(12,2)", "(1,1.005),(2,-1.005),(3,2.675),(4,0.004999)", true},
	{"decimal(10,2)", "decimal(30,10)", "(1,-12345678.91)", true},
	{"decimal(10,2)", "int", "(1,2.50),(2,-2.50),(3,3.50),(4,0.49)", true},
	{"int", "double", "(1,-2147483648),(2,3)", true},
	{"float", "double", "(1,1.1),(2,3.4e38),(3,1e-30),(4,-0.1)", true},
	{"double", "float", "(1,1.1),(2,3.141592653589793),(3,1e-30)", false},
	{"decimal(10,3)", "double", "(1,1.100)", false},
	{"decimal(10,3)", "float", "(1,1.100)", false},
	{"double", "int", "(1,2.5),(2,-2.5),(3,3.49)", false},
	{"double", "decimal(10,2)", "(1,2.675),(2,-2.5)", false},
	{"double", "varchar(40)", "(1,1.1),(2,1e300),(3,-0)", false},
	{"float", "varchar(40)", "(1,1.1),(2,1e30)", false},
	{"double", "double unsigned", "(1,1.1)", false},
	{"varchar(40)" LATIN, "varchar(40)" UTF8, "(1,x'E9E8'),(2,'a '),(3,''),(4,'it''s')", true},
	{"varchar(40)" UTF8, "varchar(40)" LATIN, "(1,'h\303\251llo'),(2,'')", true},
	{"varchar(40)" UTF8, "varchar(20)" UTF8, "(1,'h\303\251llo'),(2,'\360\237\246\212')", true},
	{"varchar(40)" UTF8, "varchar(40)" UTF8 " COLLATE utf8mb4_bin", "(1,'a'),(2,'A')", true},
	{"varchar(40)", "char(40)", "(1,'a'),(2,'a  '),(3,' a')", true},
	{"char(10)", "varchar(40)" UTF8, "(1,'a'),(2,'a  '),(3,' a')", true},
	{"varchar(40)" UTF8, "char(40)" LATIN, "(1,'\303\251  ')", true},
	{"varchar(200)", "text" UTF8, "(1,'a'),(2,REPEAT('b',200))", true},
	{"text", "mediumtext" UTF8, "(1,REPEAT(x'E9',20000)),(2,'')", true},
	{"varchar(40)" UTF8, "varchar(40) CHARACTER SET utf16", "(1,'a\360\237\246\212'),(2,'')",
	 true},
	{"int", "varchar(20)", "(1,-5),(2,2147483647)", true},
	{"int(5) zerofill", "varchar(20)" UTF8, "(1,7)", false},
	{"decimal(10,3)", "varchar(20)", "(1,1.100),(2,-0.5)", true},
	{"date", "varchar(20)", "(1,'2024-02-29'),(2,'1000-01-01')", true},
	{"datetime(3)", "varchar(40)" UTF8, "(1,'2024-02-29 23:59:59.999')", true},
	{"time(2)", "varchar(40)", "(1,'-838:59:58.99'),(2,'00:00:01')", true},
	{"timestamp(6) NULL", "varchar(40)", "(1,'2024-06-01 12:00:00.654321')", true},
	{"varchar(40)", "int", "(1,'17'),(2,'-3'),(3,'007')", false},
	{"varchar(40)", "date", "(1,'2024-02-29'),(2,'20240301')", false},
	{"varchar(40)", "decimal(10,2)", "(1,'1.50'),(2,'-3')", false},
	{"varchar(40)", "enum('a','b')", "(1,'a'),(2,'B')", false},
	{"varchar(40)", "varbinary(40)", "(1,x'E9'),(2,'a  ')", true},
	{"varbinary(40)", "varbinary(60)", "(1,x'00FF00'),(2,x'')", true},
	{"varbinary(10)", "binary(12)", "(1,x'00FF00'),(2,x''),(3,'a ')", true},
	{"binary(4)", "binary(8)", "(1,x'00FF0020'),(2,x'')", true},
	{"binary(4)", "varbinary(8)", "(1,x'00FF0020'),(2,x'41')", true},
	{"blob", "longblob", "(1,REPEAT(x'00',30000)),(2,x'')", true},
	{"varbinary(40)", "varchar(40)" UTF8, "(1,'abc'),(2,x'C3A9')", false},
	{"varchar(40)", "blob", "(1,'abc  '),(2,x'E9')", true},
	{"datetime(6)", "datetime(2)",
	 "(1,'2024-02-29 23:59:59.995'),(2,'2024-01-01 00:00:00.004')", true},
	{"datetime(6)", "datetime", "(1,'2024-12-31 23:59:59.6'),(2,'2024-01-01')", true},
	{"datetime", "datetime(6)", "(1,'1000-01-01 00:00:00'),(2,'9999-12-31 23:59:59')", true},
	{"date", "datetime(3)", "(1,'2024-02-29')", true},
	{"datetime(6)", "date", "(1,'2024-02-29 11:59:59.995'),(2,'2024-01-01')", false},
	{"datetime(6)", "timestamp(3) NULL", "(1,'2024-06-30 23:59:59.9996')", true},
	{"timestamp(6) NULL", "datetime(3)", "(1,'2024-06-30 23:59:59.9996')", true},
	{"timestamp NULL", "timestamp(6) NULL",
	 "(1,'2024-10-27 00:30:00'),(2,'2024-10-27 01:30:00')", true},
	{"time(6)", "time(1)", "(1,'-00:00:01.96'),(2,'838:59:58')", true},
	{"time", "time(6)", "(1,'-838:59:59')", true},
	{"year", "int", "(1,2024),(2,1901)", false},
	{"enum('a','b')", "enum('b','x','a')", "(1,'a'),(2,'b')", true},
	{"enum('a','b')" LATIN, "varchar(10)" UTF8, "(1,'a'),(2,'b')", true},
	{"enum('a','b')", "int", "(1,'a'),(2,'b')", false},
	{"set('x','y')", "set('x','y','z')", "(1,'x,y'),(2,'')", true},
	{"set('x','y')", "set('y','x')", "(1,'x,y'),(2,'y')", false},
	{"set('x','y')", "varchar(20)", "(1,'x,y'),(2,'')", true},
	{"bit(4)", "bit(12)", "(1,b'1010'),(2,b'0')", true},
	{"bit(10)", "int", "(1,b'1111111111')", false},
	{"json", "longtext" UTF8, "(1,'{\"a\": [1, 2.5, \"x\", null]}'),(2,'\"t\"')", true},
	{"longtext" UTF8, "json", "(1,'{\"b\":1,\"a\":  [1,2.50]}'),(2,'null')", false},
	{"geometry", "point", "(1,ST_GeomFromText('POINT(1 2)'))", false},
};

static void values_become_what_the_servers_own_copy_makes_of_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < LK_COUNT(conversions); i++)
		must_convert(&conversions[i]);
}

/* As the server's own ALTER does it: zero, an empty text, the first member. */
static void new_columns_without_a_default(void **state)
{
	static const char alter[] =
		"ADD a int NOT NULL, ADD b varchar(5) NOT NULL, ADD c enum('x','y') NOT NULL, ADD d decimal(5,2) NOT"
		" NULL, ADD e text NOT NULL, ADD f binary(3) NOT NULL, ADD h time NOT NULL, ADD i bit(3) NOT NULL, ADD"
		" j set('p') NOT NULL, ADD k double NOT NULL, ADD l int NOT NULL DEFAULT 7, ADD m varchar(9) NOT NULL"
		" DEFAULT (CONCAT('u', 'v')), ADD n int, ADD o year NOT NULL, ADD q blob NOT NULL";
	struct lk_my_shape shape;
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, z int NOT NULL)", alter, &shape);
	must_run(lk_strdup("INSERT INTO t VALUES (1, 1), (2, 2)"));
	copy(&shape, NULL, NULL);
	must_be_as_native(&shape, alter);
	must_run(lk_my_again_delete(&shape, &(struct lk_my_keys){(const char *const[]){"1"}, 1}));
	must_run(lk_my_again_copy(&shape, &(struct lk_my_keys){(const char *const[]){"1"}, 1}));
	char *again = contents(shape.shadow_sql), *native = contents("n");
	assert_string_equal(again, native);
	free(native);
	free(again);
	lk_my_shape_free(&shape);
}

static void every_type_is_carried_as_it_is(void **state)
{
	static const char table[] =
		"CREATE TABLE t (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, ti tinyint, tu tinyint"
		" unsigned, si smallint, mi mediumint, i int unsigned, b bigint, bu bigint unsigned, d1"
		" decimal(20,6), d2 decimal(65,30), f float, d double, dt6 datetime(6), dt datetime, ts6"
		" timestamp(6) NULL, da date, tm time(3), y year, vc varchar(50) CHARACTER SET utf8mb4, v2"
		" varchar(300) CHARACTER SET latin1, ch char(10), j json, bl blob, tx text, e enum('a','b','c''q'),"
		" s set('x','y','z'), bt bit(10), b16 binary(16), vb varbinary(9), g geometry NULL, `o``d d` int,"
		" gv int AS (si + 1), gs int AS (si + 2) STORED, iv int INVISIBLE) DEFAULT CHARSET=utf8mb4";
	static const char rows[] =
		"INSERT INTO t (id, ti, tu, si, mi, i, b, bu, d1, d2, f, d, dt6, dt, ts6, da, tm, y, vc, v2, ch, j,"
		" bl, tx, e, s, bt, b16, vb, g, `o``d d`, iv) VALUES (18446744073709551610, -128, 255, -32768,"
		" -8388608, 4294967295, -9223372036854775808, 18446744073709551615, -12345678901234.567891,"
		" 12345678901234567890123456789012345.123456789012345678901234567890, 1.1, 3.141592653589793,"
		" '2024-02-29 23:59:59.123456', '1000-01-01', '2024-06-01 12:00:00.654321', '9999-12-31',"
		" '-838:59:58.999', 2024, 'h\303\251llo \360\237\246\212', x'6C6174', 'abc', '{\"a\": [1, 2.5,"
		" \"x\", null, true]}', x'00ff10', 'text', 'c''q', 'x,z', b'1000000011',"
		" x'00112233445566778899aabbccddee00', x'0020', ST_GeomFromText('POINT(1 2)'), 5, 7),"
		" (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -0.0, -0.0, '1970-01-01', '9999-12-31 23:59:59', '2038-01-19"
		" 03:14:07', '1000-01-01', '00:00:00', 1901, '', '', '', 'null', '', '', 'a', '', b'0', '', '',"
		" NULL, 0, 0)";
	static const char alter[] = "MODIFY ti int, ADD z int DEFAULT 3";
	struct lk_my_shape shape;
	(void)state;
	make(table, alter, &shape);
	must_run(lk_strdup(rows));
	must_run(lk_strdup("INSERT INTO t (id) VALUES (5)"));
	copy(&shape, NULL, NULL);
	compare(&shape, "");
	must_be_as_native(&shape, alter);
	my_expect(session, "SELECT COUNT(*) FROM t_lk_new WHERE z = 3 AND iv = 7 AND gs = si + 2",
		  "1");
	/* Each of them counts. */
	for (size_t i = 0; i < shape.mapping.count; i++) {
		const struct lk_my_relation_column *column = shape.mapping.columns[i].to;
		if (strcmp(column->name, "id") == 0)
			continue;
		must_run(lk_format("UPDATE t_lk_new SET %s = NULL WHERE id > 5", column->sql));
		compare(&shape, "18446744073709551610 differs");
		must_run(
			lk_format("REPLACE INTO t_lk_new (%s, id) SELECT %s, id FROM t WHERE FALSE",
				  column->sql, column->sql));
		must_run(lk_format("UPDATE t_lk_new s JOIN t ON t.id = s.id SET s.%s = t.%s",
				   column->sql, column->sql));
		compare(&shape, "");
	}
	lk_my_shape_free(&shape);
}

#define PLAIN                                                                                               \
	"CREATE TABLE t (id int PRIMARY KEY, u int, a varchar(20), b varchar(20), v varbinary(20)) DEFAULT" \
	" CHARSET=utf8mb4"

static void insert_plain(int rows)
{
	for (int i = 1; i <= rows; i++)
		must_run(lk_format("INSERT INTO t VALUES (%d, %d, 'a%d', 'b%d', x'%02x00')", i,
				   100 + i, i, i, i));
}

static void each_kind_of_damage_is_seen(void **state)
{
	static const struct {
		const char *damage, *seen;
	} damages[] = {
		{"UPDATE t_lk_new SET u = 7 WHERE id = 3", "3 differs"},
		{"UPDATE t_lk_new SET a = NULL WHERE id = 3", "3 differs"},
		{"UPDATE t_lk_new SET a = '' WHERE id = 4", "4 differs"}, /* NULL in the original */
		{"UPDATE t_lk_new SET a = '~' WHERE id = 4", "4 differs"},
		{"UPDATE t_lk_new SET a = b, b = 'a3' WHERE id = 3", "3 differs"},
		{"UPDATE t_lk_new SET a = 'a3b', b = '3' WHERE id = 3", "3 differs"},
		{"UPDATE t_lk_new SET a = 'A3' WHERE id = 3", "3 differs"},
		{"UPDATE t_lk_new SET a = 'a3 ' WHERE id = 3", "3 differs"},
		{"UPDATE t_lk_new SET v = x'03' WHERE id = 3", "3 differs"},
		{"UPDATE t_lk_new SET v = x'030000' WHERE id = 3", "3 differs"},
		{"DELETE FROM t_lk_new WHERE id = 3", "3 missing"},
		{"INSERT INTO t_lk_new (id) VALUES (77)", "77 extra"},
		{"UPDATE t_lk_new SET id = 88 WHERE id = 6", "6 missing; 88 extra"},
		/* Two rows that swap a value of the same length: CRC32 alone is blind to it. */
		{"UPDATE t_lk_new SET u = 203 - u WHERE id IN (1, 2)", "1 differs; 2 differs"},
		{"UPDATE t_lk_new SET a = CONCAT('a', 3 - SUBSTR(a, 2)) WHERE id IN (1, 2)",
		 "1 differs; 2 differs"},
	};
	struct lk_my_shape shape;
	(void)state;
	make(PLAIN, "MODIFY id bigint, ADD z int", &shape);
	insert_plain(6);
	must_run(lk_strdup("UPDATE t SET a = NULL WHERE id = 4"));
	for (size_t i = 0; i < LK_COUNT(damages); i++) {
		must_run(lk_strdup("DELETE FROM t_lk_new"));
		copy(&shape, NULL, NULL);
		compare(&shape, "");
		must_run(lk_strdup(damages[i].damage));
		compare(&shape, damages[i].seen);
	}
	lk_my_shape_free(&shape);
}

/* Walks the table by bounds of `rows` and gives each chunk to `visit`; how many there were. */
typedef void visitor(const struct lk_my_shape *, char *const *low, char *const *high);
static int walk(const struct lk_my_shape *shape, int rows, visitor *visit)
{
	struct lk_result at[2] = {{0}, {0}};
	struct lk_error error;
	int chunks = 0;
	for (bool more = true; more; chunks++) {
		struct lk_result *last = &at[chunks % 2], *next = &at[(chunks + 1) % 2];
		char *const *low = chunks ? last->cells : NULL;
		char *sql = lk_my_bound(shape, low, rows);
		lk_result_free(next);
		if (!lk_query(session, next, &error, sql, 0, NULL))
			fail_msg("%s: %s", sql, error.text);
		free(sql);
		more = next->rows > 0;
		visit(shape, low, more ? next->cells : NULL);
	}
	lk_result_free(&at[0]);
	lk_result_free(&at[1]);
	return chunks;
}

static void compare_chunk(const struct lk_my_shape *shape, char *const *low, char *const *high)
{
	compare_in(shape, low, high, "");
}

#define KEYS(...)                                                                                  \
	(&(struct lk_my_keys){(const char *const[]){__VA_ARGS__},                                  \
			      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})

static void again(const struct lk_my_shape *shape, const struct lk_my_keys *keys)
{
	struct lk_error error = {0};
	if (!lk_my_copy_again(session, shape, keys, NULL, &error))
		fail_msg("%s", error.text);
}

/* Copies the rows again whose keys the comparison gives. */
static void must_mend(const struct lk_my_shape *shape, size_t count)
{
	struct lk_error error;
	struct lk_result r;
	size_t parts = shape->table.key.count;
	must_run(lk_my_compare_stage(shape, NULL, NULL));
	char *sql = lk_my_compare_differ(shape, NULL, NULL, 10);
	if (!lk_query(session, &r, &error, sql, 0, NULL))
		fail_msg("%s: %s", sql, error.text);
	assert_int_equal(r.rows, count);
	char **literals = lk_alloc(r.rows * parts * sizeof *literals);
	for (size_t i = 0; i < r.rows * parts; i++) {
		struct lk_buffer literal = {0};
		lk_my_key_add_literal(&shape->key, i % parts,
				      lk_cell_text(&r, i / parts, i % parts), &literal);
		literals[i] = lk_buffer_take(&literal);
	}
	again(shape, &(struct lk_my_keys){(const char *const *)literals, r.rows});
	compare(shape, "");
	for (size_t i = 0; i < r.rows * parts; i++)
		free(literals[i]);
	free(literals);
	free(sql);
	lk_result_free(&r);
}

struct keyed {
	const char *table, *alter, *values; /* 25 rows */
};

static void tables_of_all_keys_are_walked(void **state)
{
	static const struct keyed tables[] = {
		{"CREATE TABLE t (a int, b varchar(20), c date, n int, PRIMARY KEY (a, b, c))",
		 "MODIFY a bigint",
		 "SELECT n % 3, CHAR(97 + n % 5), DATE_ADD('2024-01-01', INTERVAL n DAY), n FROM seq"},
		{"CREATE TABLE t (a int, b varchar(20), n int, PRIMARY KEY (a DESC, b))",
		 "MODIFY n bigint", "SELECT n % 3, CONCAT('b', n), n FROM seq"},
		{"CREATE TABLE t (a varchar(20), n int, PRIMARY KEY (a)) DEFAULT CHARSET=latin1",
		 "CONVERT TO CHARACTER SET utf8mb4",
		 "SELECT CONCAT(IF(n % 2, 'A', 'a'), n), n FROM seq"},
		{"CREATE TABLE t (a varchar(20), n varchar(5), PRIMARY KEY (a)) DEFAULT CHARSET=latin1",
		 "CONVERT TO CHARACTER SET utf8mb4, MODIFY n int",
		 "SELECT CONCAT(IF(n % 2, 'A', 'a'), n), n FROM seq"},
		{"CREATE TABLE t (a enum('z','y','x'), n int, PRIMARY KEY (a, n))",
		 "MODIFY a enum('z','y','x','w'), MODIFY n bigint", "SELECT 1 + n % 3, n FROM seq"},
		{"CREATE TABLE t (a decimal(10,2), n int, PRIMARY KEY (a))",
		 "MODIFY a decimal(20,4)", "SELECT n / 4 - 3, n FROM seq"},
		{"CREATE TABLE t (a bit(10), n int, PRIMARY KEY (a))", "MODIFY n bigint",
		 "SELECT n, n FROM seq"},
		{"CREATE TABLE t (a binary(4), n int, PRIMARY KEY (a))", "MODIFY a varbinary(8)",
		 "SELECT CHAR(n, 0, 32, 0), n FROM seq"},
		{"CREATE TABLE t (a datetime, n int, PRIMARY KEY (a))", "MODIFY a datetime(6)",
		 "SELECT DATE_ADD('2024-01-01', INTERVAL n DAY), n FROM seq"},
		{"CREATE TABLE t (a timestamp(6), n int, PRIMARY KEY (a))", "MODIFY n bigint",
		 "SELECT DATE_ADD('2024-01-01', INTERVAL n DAY), n FROM seq"},
		{"CREATE TABLE t (a int, n int, PRIMARY KEY (a))",
		 "MODIFY n int NOT NULL, DROP PRIMARY KEY, ADD PRIMARY KEY (a, n) PARTITION BY HASH (n)"
		 " PARTITIONS 3",
		 "SELECT n, n * 7 FROM seq"},
		{"CREATE TABLE t (a int, n int, PRIMARY KEY (a))",
		 "ADD no bigint AUTO_INCREMENT, DROP PRIMARY KEY, ADD PRIMARY KEY (no), ADD UNIQUE by_a (a)",
		 "SELECT n, n * 7 FROM seq"},
		{"CREATE TABLE t (a int, n int NOT NULL, PRIMARY KEY (a), UNIQUE KEY by_n (n))",
		 "CHANGE n number bigint NOT NULL, DROP COLUMN a, DROP PRIMARY KEY, ADD PRIMARY KEY (number)",
		 "SELECT n, 100 - n FROM seq"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(tables); i++) {
		struct lk_my_shape shape;
		make(tables[i].table, tables[i].alter, &shape);
		must_run(lk_format(
			"INSERT INTO t WITH RECURSIVE seq AS (SELECT 1 AS n UNION ALL SELECT n + 1"
			" FROM seq WHERE n < 25) %s",
			tables[i].values));
		int chunks = walk(&shape, 4, copy);
		if (chunks != 7)
			fail_msg("%s: %d chunks", tables[i].table, chunks);
		my_expect(session, "SELECT COUNT(*) FROM t_lk_new", "25");
		walk(&shape, 4, copy); /* again: what is there is kept */
		my_expect(session, "SELECT COUNT(*) FROM t_lk_new", "25");
		compare(&shape, "");
		walk(&shape, 6, compare_chunk);
		char *strays = lk_my_compare_strays(&shape, 5);
		if (strays)
			must_yield(lk_strdup(strays), "");
		free(strays);
		must_run(lk_strdup("DELETE FROM t_lk_new LIMIT 3"));
		must_mend(&shape, 3);
		lk_my_shape_free(&shape);
	}
}

static void keys_are_copied_again(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error = {0};
	(void)state;
	make(PLAIN, "MODIFY id bigint", &shape);
	assert_true(shape.mapping.replaces);
	insert_plain(6);
	copy(&shape, NULL, NULL);
	must_run(lk_strdup("DELETE FROM t WHERE id IN (1, 5)"));
	must_run(lk_strdup("UPDATE t SET a = 'new', id = 50 WHERE id = 2"));
	must_run(lk_strdup("UPDATE t SET b = 'new' WHERE id = 3"));
	again(&shape, KEYS("1", "2", "50", "3", "5", "4711"));
	compare(&shape, "");
	/* The shorter way: only what has gone is deleted. */
	must_run(lk_strdup("DELETE FROM t WHERE id = 6"));
	must_run(lk_strdup("UPDATE t SET b = 'newer' WHERE id = 3"));
	if (!lk_my_copy_again(session, &shape, KEYS("3", "6"), KEYS("6"), &error))
		fail_msg("%s", error.text);
	compare(&shape, "");
	assert_true(lk_my_copy_again(session, &shape, &(struct lk_my_keys){NULL, 0}, NULL, &error));
	lk_my_shape_free(&shape);
}

static void values_that_rows_swap_are_copied_again(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error = {0};
	(void)state;
	make(PLAIN, "MODIFY id bigint, ADD UNIQUE KEY by_u (u)", &shape);
	assert_false(shape.mapping.replaces);
	insert_plain(6);
	copy(&shape, NULL, NULL);
	must_run(lk_strdup("UPDATE t SET u = 203 - u WHERE id IN (1, 2)"));
	again(&shape, KEYS("1", "2"));
	compare(&shape, "");
	/* Only one of the two comes first: the other's old row is in the way, and is named. */
	must_run(lk_strdup("UPDATE t SET u = 207 - u WHERE id IN (3, 4)"));
	assert_false(lk_my_copy_again(session, &shape, KEYS("3"), NULL, &error));
	assert_true(lk_my_is_duplicate(&error));
	must_yield(lk_my_obstacles_of(&shape, KEYS("3")), "4");
	compare(&shape, "3 differs; 4 differs");
	again(&shape, KEYS("3", "4"));
	compare(&shape, "");
	must_yield(lk_my_obstacles_of(&shape, KEYS("3", "4")), "");
	/* A real one: both rows are in the original, and nothing is swallowed. */
	must_run(lk_strdup("UPDATE t SET u = 105 WHERE id = 6"));
	assert_false(lk_my_copy_again(session, &shape, KEYS("5", "6"), NULL, &error));
	assert_true(lk_my_is_duplicate(&error));
	must_yield(lk_my_find_twice(&shape, 0, 5), "5; 6");
	my_expect(session, "SELECT COUNT(*) FROM t_lk_new", "6");
	lk_my_shape_free(&shape);
}

static void keys_that_a_collation_takes_for_one(void **state)
{
	static const char *const alters[] = {"ADD z int",
					     "MODIFY k varchar(20) CHARACTER SET utf8mb4"
					     " COLLATE utf8mb4_general_ci NOT NULL"};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(alters); i++) {
		struct lk_my_shape shape;
		make("CREATE TABLE t (k varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci PRIMARY KEY,"
		     " n int)",
		     alters[i], &shape);
		must_run(lk_strdup("INSERT INTO t VALUES ('a', 1), ('b', 2), ('c', 3)"));
		copy(&shape, NULL, NULL);
		compare(&shape, "");
		must_run(lk_strdup("UPDATE t SET k = 'A', n = 7 WHERE k = 'a'"));
		compare(&shape, "41 differs");
		again(&shape, KEYS("_latin1 x'61'", "_latin1 x'41'"));
		compare(&shape, "");
		must_run(lk_strdup("UPDATE t SET k = 'B' WHERE k = 'b'"));
		again(&shape, KEYS("_latin1 x'42'"));
		compare(&shape, "");
		must_run(lk_strdup("DELETE FROM t WHERE k = 'c'"));
		again(&shape, KEYS("_latin1 x'43'"));
		compare(&shape, "");
		my_expect(session, "SELECT GROUP_CONCAT(k ORDER BY k) FROM t_lk_new", "A,B");
		lk_my_shape_free(&shape);
	}
}

/* Rows that only the new collation takes for the same must never take each other's place. */
static void a_coarser_collation_swallows_nothing(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error;
	(void)state;
	make("CREATE TABLE t (k varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, n int)",
	     "MODIFY k varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", &shape);
	assert_int_equal(shape.mapping.unique_count, 1);
	must_run(lk_strdup("INSERT INTO t VALUES ('a', 1), ('b', 2)"));
	copy(&shape, NULL, NULL);
	compare(&shape, "");
	must_run(lk_strdup("INSERT INTO t VALUES ('A', 3)"));
	assert_false(run(lk_my_chunk_copy(&shape, NULL, NULL), &error));
	assert_true(lk_my_is_duplicate(&error));
	assert_false(lk_my_copy_again(session, &shape, KEYS("_utf8mb4 x'41'"), NULL, &error));
	assert_true(lk_my_is_duplicate(&error));
	must_yield(lk_my_obstacles_of(&shape, KEYS("_utf8mb4 x'41'")), "61");
	must_yield(lk_my_find_twice(&shape, 0, 5), "41; 61");
	my_expect(session, "SELECT GROUP_CONCAT(CONCAT(k, n) ORDER BY k) FROM t_lk_new", "a1,b2");
	must_run(lk_strdup("DELETE FROM t WHERE k = 'A'"));
	again(&shape, KEYS("_utf8mb4 x'41'"));
	compare(&shape, "");
	/* A stray has no range where the order is another one. */
	must_run(lk_strdup("INSERT INTO t_lk_new VALUES ('zz', 1)"));
	must_yield(lk_my_compare_strays(&shape, 5), "7A7A extra");
	lk_my_shape_free(&shape);
}

static void a_locked_row_gives_retry_and_changes_nothing(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error = {0};
	(void)state;
	make(PLAIN, "MODIFY id bigint", &shape);
	insert_plain(4);
	copy(&shape, NULL, NULL);
	must_run(lk_strdup("UPDATE t SET a = 'new' WHERE id = 1"));
	my_must(app, "START TRANSACTION");
	my_must(app, "UPDATE t SET a = 'later' WHERE id = 2");
	assert_false(lk_my_copy_again(session, &shape, KEYS("1", "2"), NULL, &error));
	assert_int_equal(error.class, LK_ERROR_RETRY);
	compare(&shape, "1 differs");
	my_must(app, "COMMIT");
	again(&shape, KEYS("1", "2"));
	compare(&shape, "");
	/* One that is being deleted, and one that is being inserted. */
	my_must(app, "START TRANSACTION");
	my_must(app, "DELETE FROM t WHERE id = 3");
	assert_false(lk_my_copy_again(session, &shape, KEYS("3"), NULL, &error));
	assert_int_equal(error.class, LK_ERROR_RETRY);
	my_must(app, "ROLLBACK");
	my_must(app, "START TRANSACTION");
	my_must(app, "INSERT INTO t (id) VALUES (9)");
	assert_false(lk_my_copy_again(session, &shape, KEYS("9"), NULL, &error));
	assert_int_equal(error.class, LK_ERROR_RETRY);
	my_must(app, "ROLLBACK");
	compare(&shape, "");
	lk_my_shape_free(&shape);
}

/* Whatever the application holds, a chunk is copied; whatever a chunk has read, the application gets. */
static void a_chunk_locks_nothing_and_waits_for_nothing(void **state)
{
	struct lk_my_shape shape;
	char *three = lk_strdup("3"), *six = lk_strdup("6");
	(void)state;
	make(PLAIN, "MODIFY id bigint", &shape);
	insert_plain(6);
	my_must(app, "START TRANSACTION");
	my_must(app, "UPDATE t SET a = 'later' WHERE id <= 4");
	my_must(app, "INSERT INTO t (id) VALUES (100)");
	copy(&shape, NULL, NULL);
	compare(&shape, "");
	my_must(app, "ROLLBACK");
	must_run(lk_strdup("DELETE FROM t_lk_new"));
	my_must(session, "START TRANSACTION");
	copy(&shape, &three, &six);
	my_must(app, "START TRANSACTION");
	my_must(app, "SET SESSION innodb_lock_wait_timeout = 1");
	my_must(app, "SELECT id FROM t FOR UPDATE");
	my_must(app, "DELETE FROM t WHERE id > 2");
	my_must(app, "INSERT INTO t (id) VALUES (5), (7)");
	my_must(app, "ROLLBACK");
	my_must(session, "COMMIT");
	my_expect(session, "SELECT GROUP_CONCAT(id ORDER BY id) FROM t_lk_new", "4,5,6");
	free(six);
	free(three);
	lk_my_shape_free(&shape);
}

static void a_row_that_is_there_newer_is_kept(void **state)
{
	struct lk_my_shape shape;
	struct lk_error error;
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, u int, s varchar(10), m timestamp(6) NOT NULL DEFAULT"
	     " CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))",
	     "MODIFY id bigint, MODIFY s varchar(3) NOT NULL, ADD UNIQUE by_u (u)", &shape);
	must_run(lk_strdup(
		"INSERT INTO t VALUES (1, 1, 'a', '2024-01-01'), (2, 2, 'b', '2024-01-01'),"
		" (3, 3, 'c', '2024-01-01')"));
	must_run(lk_strdup("INSERT INTO t_lk_new VALUES (2, 20, 'new', '2025-01-01')"));
	copy(&shape, NULL, NULL);
	my_expect(session, "SELECT GROUP_CONCAT(CONCAT(id, s, YEAR(m)) ORDER BY id) FROM t_lk_new",
		  "1a2024,2new2025,3c2024");
	/* Nothing else is kept silently: another row under another key, and what does not fit. */
	must_run(lk_strdup("DELETE FROM t_lk_new WHERE id = 3"));
	must_run(lk_strdup("UPDATE t_lk_new SET u = 3 WHERE id = 2"));
	assert_false(run(lk_my_chunk_copy(&shape, NULL, NULL), &error));
	assert_true(lk_my_is_duplicate(&error));
	must_yield(lk_my_obstacles_in(&shape, NULL, NULL), "2");
	again(&shape, KEYS("2"));
	copy(&shape, NULL, NULL);
	compare(&shape, "");
	static const struct {
		const char *row;
		int maria, mysql;
	} wrong[] = {{"9, 9, 'long', NOW()", 1406, 1265}, {"9, 9, NULL, NOW()", 1048, 1048}};
	for (size_t i = 0; i < LK_COUNT(wrong); i++) {
		must_run(lk_format("INSERT INTO t VALUES (%s)", wrong[i].row));
		assert_false(run(lk_my_chunk_copy(&shape, NULL, NULL), &error));
		assert_int_equal(error.number, my_is_mariadb() ? wrong[i].maria : wrong[i].mysql);
		must_run(lk_strdup("DELETE FROM t WHERE id = 9"));
	}
	lk_my_shape_free(&shape);
}

static void rows_that_do_not_fit_are_named(void **state)
{
	struct lk_my_shape shape;
	struct lk_my_unfits unfits;
	struct lk_error error = {0};
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, a varchar(20), b bigint, c int)",
	     "MODIFY a varchar(3), MODIFY b tinyint, MODIFY c int NOT NULL, ADD CHECK (c <> 13)",
	     &shape);
	for (int i = 1; i <= 40; i++)
		must_run(lk_format("INSERT INTO t VALUES (%d, 'abc', 1, 1)", i));
	assert_true(lk_my_find_unfit(session, &shape, NULL, NULL, 10, &unfits, &error));
	assert_int_equal(unfits.count, 0);
	lk_my_unfits_free(&unfits);
	must_run(lk_strdup("UPDATE t SET a = 'abcd' WHERE id = 7"));
	must_run(lk_strdup("UPDATE t SET b = 300 WHERE id = 8"));
	must_run(lk_strdup("UPDATE t SET c = NULL WHERE id = 23"));
	must_run(lk_strdup("UPDATE t SET c = 13 WHERE id = 40"));
	if (!lk_my_find_unfit(session, &shape, NULL, NULL, 10, &unfits, &error))
		fail_msg("%s", error.text);
	assert_int_equal(unfits.count, 4);
	assert_contains(unfits.list[0].sentence, "t.id 7: 'abcd' of a does not fit varchar(3)");
	assert_contains(unfits.list[1].sentence, "t.id 8: '300' of b does not fit tinyint");
	assert_contains(unfits.list[2].sentence, "t.id 23: NULL of c does not fit int");
	assert_contains(unfits.list[3].sentence, "t.id 40: ");
	assert_string_equal(unfits.list[3].key[0], "40");
	lk_my_unfits_free(&unfits);
	assert_true(lk_my_find_unfit(session, &shape, NULL, NULL, 2, &unfits, &error));
	assert_int_equal(unfits.count, 2);
	lk_my_unfits_free(&unfits);
	my_expect(session, "SELECT COUNT(*) FROM t_lk_new", "0");
	lk_my_shape_free(&shape);
	make("CREATE TABLE t (id int PRIMARY KEY, a varchar(20))", "MODIFY a int", &shape);
	must_run(lk_strdup("INSERT INTO t VALUES (17, 'abc')"));
	assert_true(lk_my_find_unfit(session, &shape, NULL, NULL, 2, &unfits, &error));
	assert_contains(unfits.list[0].sentence, "t.id 17: 'abc' of a does not fit int");
	lk_my_unfits_free(&unfits);
	lk_my_shape_free(&shape);
}

static void zero_dates_and_the_zero_of_a_counter_are_carried(void **state)
{
	struct lk_my_shape shape;
	(void)state;
	my_must(app, "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'");
	lk_test_my_sql(server, "SET GLOBAL sql_mode = 'TRADITIONAL'");
	make("CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, d date NOT NULL DEFAULT '0000-00-00', e"
	     " datetime, f int)",
	     "MODIFY f bigint", &shape);
	my_must(app,
		"INSERT INTO t VALUES (0, '0000-00-00', '2024-02-31 00:00:00', 1), (1, '2024-00-01',"
		" '0000-00-00', 2)");
	copy(&shape, NULL, NULL);
	compare(&shape, "");
	my_expect(session,
		  "SELECT GROUP_CONCAT(CONCAT(id, ' ', d, ' ', e) ORDER BY id) FROM t_lk_new",
		  "0 0000-00-00 2024-02-31 00:00:00,1 2024-00-01 0000-00-00 00:00:00");
	my_must(app, "SET SESSION sql_mode = DEFAULT");
	lk_test_my_sql(server, "SET GLOBAL sql_mode = DEFAULT");
	lk_my_shape_free(&shape);
}

/* Where partitions ask for a longer unique key, a row can stand twice for a moment: never for good, never unseen. */
static void a_key_within_a_longer_one(void **state)
{
	struct lk_my_shape shape;
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, d int NOT NULL, n int)",
	     "DROP PRIMARY KEY, ADD PRIMARY KEY (id, d) PARTITION BY RANGE (d) (PARTITION a VALUES LESS THAN"
	     " (10), PARTITION b VALUES LESS THAN (20))",
	     &shape);
	assert_false(shape.mapping.unique);
	must_run(lk_strdup("INSERT INTO t VALUES (1, 5, 1), (2, 6, 2), (3, 15, 3)"));
	again(&shape, KEYS("1"));
	copy(&shape, NULL, NULL);
	compare(&shape, "");
	must_run(lk_strdup("UPDATE t SET d = 16 WHERE id = 1"));
	copy(&shape, NULL, NULL);
	my_expect(session, "SELECT COUNT(*) FROM t_lk_new WHERE id = 1", "2");
	compare(&shape, "1 differs");
	again(&shape, KEYS("1"));
	compare(&shape, "");
	/* A row that no partition takes. */
	struct lk_my_unfits unfits;
	struct lk_error error = {0};
	must_run(lk_strdup("INSERT INTO t VALUES (4, 77, 4)"));
	assert_true(lk_my_find_unfit(session, &shape, NULL, NULL, 5, &unfits, &error));
	assert_int_equal(unfits.count, 1);
	assert_contains(unfits.list[0].sentence, "t.id 4");
	lk_my_unfits_free(&unfits);
	lk_my_shape_free(&shape);
}

static void the_old_table_is_kept_current_after_the_exchange(void **state)
{
	struct lk_my_shape shape, back;
	struct lk_error error = {0};
	(void)state;
	make("CREATE TABLE t (id int PRIMARY KEY, a varchar(20), b int NOT NULL, c int, g int AS (c + 1) STORED)",
	     "CHANGE id number bigint NOT NULL, RENAME COLUMN a TO c2, DROP COLUMN b, ADD d int NOT NULL, MODIFY"
	     " c varchar(20)",
	     &shape);
	must_run(lk_strdup(
		"INSERT INTO t (id, a, b, c) VALUES (1, 'a', 1, 1), (2, 'b', 2, 2), (3, 'c', 3, 3)"));
	copy(&shape, NULL, NULL);
	must_run(lk_strdup("RENAME TABLE t TO t_lk_old, t_lk_new TO t"));
	if (!lk_my_shape_turn(session, &shape, &back, &error))
		fail_msg("%s", error.text);
	assert_int_equal(back.note_count, 2);
	assert_contains(back.notes[0], "column b of t_lk_old is not in t: a row that changes");
	assert_contains(back.notes[1], "column d of t is not in t_lk_old");
	compare(&back, "");
	must_run(lk_strdup("UPDATE t SET c2 = 'new' WHERE number = 1"));
	must_run(lk_strdup("DELETE FROM t WHERE number = 2"));
	must_run(lk_strdup("INSERT INTO t (number, c2, c, d) VALUES (9, 'nine', '9', 5)"));
	again(&back, KEYS("1", "2", "9"));
	compare(&back, "");
	my_expect(session,
		  "SELECT GROUP_CONCAT(CONCAT_WS(' ', id, a, b, c, g) ORDER BY id) FROM t_lk_old",
		  "1 new 0 1 2,3 c 3 3 4,9 nine 0 9 10");
	/* What the old table cannot hold is the end of the way back. */
	must_run(lk_strdup("INSERT INTO t (number, d) VALUES (3000000000, 1)"));
	assert_false(lk_my_copy_again(session, &back, KEYS("3000000000"), NULL, &error));
	lk_my_shape_free(&back);
	must_run(lk_strdup("ALTER TABLE t DROP COLUMN c2"));
	assert_false(lk_my_shape_turn(session, &shape, &back, &error));
	assert_contains(error.text, "t has been changed since: column c2 has gone");
	lk_my_shape_free(&shape);
}

/* Whether a chunk waits for another session's that is still being copied (and would take half a minute). */
static bool waits_for_another(const struct lk_my_shape *shape)
{
	struct lk_error error;
	struct my_background other;
	char *five = lk_strdup("5");
	char *slow =
		lk_format("INSERT INTO %s (id, a) SELECT id, IF(id > 6 AND SLEEP(3), a, a) FROM t"
			  " WHERE id > 5",
			  shape->shadow_sql);
	assert_true(lk_my_shadow_session(app, shape, &error));
	my_background_start(&other, app, slow);
	/* Its first row is there. */
	bool begun =
		lk_test_my_wait(server,
				"SELECT COUNT(*) FROM information_schema.processlist WHERE state ="
				" 'User sleep'",
				20);
	my_must(session, "SET SESSION innodb_lock_wait_timeout = 1");
	bool waits = !run(lk_my_chunk_copy(shape, NULL, &five), &error);
	my_must(session, "SET SESSION innodb_lock_wait_timeout = DEFAULT");
	assert_true(lk_session_cancel_begin(app) && lk_session_cancel_finish(app, session, &error));
	my_background_end(&other);
	assert_true(begun);
	assert_false(other.done);
	assert_true(!waits || error.class == LK_ERROR_RETRY || error.number == 1205);
	free(slow);
	free(five);
	return waits;
}

static void chunks_beside_each_other(void **state)
{
	static const struct {
		const char *table, *alter;
	} tables[] = {
		{"CREATE TABLE t (id int PRIMARY KEY, a varchar(20))", "MODIFY id bigint"},
		{"CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, a varchar(20))",
		 "MODIFY id bigint AUTO_INCREMENT"},
		{"CREATE TABLE t (id int PRIMARY KEY, a varchar(20), KEY (a))",
		 "ADD FULLTEXT KEY w (a)"},
		{"CREATE TABLE t (id int PRIMARY KEY, a varchar(20), g point NOT NULL DEFAULT (POINT(1, 2)))",
		 "ADD SPATIAL KEY w (g)"},
	};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(tables); i++) {
		struct lk_my_shape shape;
		make(tables[i].table, tables[i].alter, &shape);
		for (int n = 1; n <= 15; n++)
			must_run(lk_format("INSERT INTO t (id, a) VALUES (%d, 'word%d')", n, n));
		if (waits_for_another(&shape) != shape.mapping.one_at_a_time)
			fail_msg("%s: one at a time is %d", tables[i].alter,
				 shape.mapping.one_at_a_time);
		copy(&shape, NULL, NULL);
		compare(&shape, "");
		lk_my_shape_free(&shape);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_become_what_the_servers_own_copy_makes_of_them),
		cmocka_unit_test(new_columns_without_a_default),
		cmocka_unit_test(every_type_is_carried_as_it_is),
		cmocka_unit_test(each_kind_of_damage_is_seen),
		cmocka_unit_test(tables_of_all_keys_are_walked),
		cmocka_unit_test(keys_are_copied_again),
		cmocka_unit_test(values_that_rows_swap_are_copied_again),
		cmocka_unit_test(keys_that_a_collation_takes_for_one),
		cmocka_unit_test(a_coarser_collation_swallows_nothing),
		cmocka_unit_test(a_locked_row_gives_retry_and_changes_nothing),
		cmocka_unit_test(a_chunk_locks_nothing_and_waits_for_nothing),
		cmocka_unit_test(a_row_that_is_there_newer_is_kept),
		cmocka_unit_test(a_key_within_a_longer_one),
		cmocka_unit_test(the_old_table_is_kept_current_after_the_exchange),
		cmocka_unit_test(chunks_beside_each_other),
		cmocka_unit_test(rows_that_do_not_fit_are_named),
		cmocka_unit_test(zero_dates_and_the_zero_of_a_counter_are_carried),
	};
	return my_run_tests(tests, setup, teardown);
}
