/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which table is which. A RENAME of several tables is done whole or not at all (MySQL 8.0, MariaDB 10.6: the data
 * dictionary's log), so which of the three names are there tells; and InnoDB's numbers, which a RENAME leaves as they
 * are, tell whether somebody else has had a hand in it. (The time of creation does not: MariaDB gives a new one.)
 */
#include "shadow/my_cut_over.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "catalog/my_catalog.h"
#include "db/my_server.h"

/* Without the privilege, for a partitioned table, and for a name beyond ASCII, 0. */
static bool read_number(struct lk_session *session, const char *schema, const char *name,
			int64_t *number, struct lk_error *error)
{
	struct lk_my_server server;
	struct lk_result r = {0};
	struct lk_buffer file = {0};
	*number = 0;
	if (!lk_my_server(session, &server, error))
		return false;
	bool spelt = lk_my_file_name(&file, schema);
	lk_buffer_add(&file, "/");
	spelt = spelt && lk_my_file_name(&file, name);
	bool read = !spelt || LK_QUERY(session, &r, error,
				       server.maria ? "SELECT table_id FROM information_schema."
						      "innodb_sys_tables WHERE name = $1"
						    : "SELECT table_id FROM information_schema."
						      "innodb_tables WHERE name = $1",
				       lk_buffer_text(&file));
	lk_buffer_free(&file);
	if (read && r.rows == 1)
		*number = lk_cell_int(&r, 0, 0);
	lk_result_free(&r);
	if (!read && error->class == LK_ERROR_PRIVILEGE) {
		lk_error_clear(error);
		return true;
	}
	return read;
}

bool lk_my_cut_over_identify(struct lk_session *session, struct lk_my_cut_over_tables *tables,
			     struct lk_error *error)
{
	return read_number(session, tables->schema, tables->table, &tables->table_id, error) &&
	       read_number(session, tables->schema, tables->shadow, &tables->shadow_id, error);
}

/* Which of the three are there. */
static bool read_presence(struct lk_session *session, const struct lk_my_cut_over_tables *tables,
			  bool there[3], struct lk_error *error)
{
	const char *const names[] = {tables->table, tables->shadow, tables->old};
	for (size_t i = 0; i < 3; i++) {
		struct lk_result r;
		if (!LK_QUERY(session, &r, error,
			      "SELECT 1 FROM information_schema.tables WHERE " LK_MY_SAME_NAME(
				      "table_schema", "$1") " AND " LK_MY_SAME_NAME("table_name",
										    "$2"),
			      tables->schema, names[i]))
			return false;
		there[i] = r.rows > 0;
		lk_result_free(&r);
	}
	return true;
}

static bool fits(int64_t expected, int64_t found)
{
	return expected == 0 || found == 0 || expected == found;
}

bool lk_my_cut_over_settle(struct lk_session *session, const struct lk_my_cut_over_tables *tables,
			   enum lk_my_cut_over_state *state, struct lk_error *error)
{
	bool there[3];
	int64_t table, other;
	*state = LK_MY_CUT_OVER_UNKNOWN;
	if (!read_presence(session, tables, there, error))
		return false;
	bool done = there[0] && !there[1] && there[2], not_done = there[0] && there[1] && !there[2];
	const char *second = done ? tables->old : tables->shadow;
	if (!read_number(session, tables->schema, tables->table, &table, error) ||
	    !read_number(session, tables->schema, second, &other, error))
		return false;
	if (done && fits(tables->shadow_id, table) && fits(tables->table_id, other))
		*state = LK_MY_CUT_OVER_DONE;
	else if (not_done && fits(tables->table_id, table) && fits(tables->shadow_id, other))
		*state = LK_MY_CUT_OVER_NOT_DONE;
	else
		*state = LK_MY_CUT_OVER_TORN;
	return true;
}

bool lk_my_cut_over_moment(struct lk_session *session, char text[32], struct lk_error *error)
{
	struct lk_result r;
	/* As innodb_trx tells when a transaction began: whole seconds of the server's own zone. */
	if (!LK_QUERY(session, &r, error, "SELECT CAST(NOW() AS CHAR)"))
		return false;
	lk_copy_text(text, 32, lk_cell_text(&r, 0, 0));
	lk_result_free(&r);
	return true;
}
