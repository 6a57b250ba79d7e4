/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One table of members for each struct says its JSON name, type and place; the encoder and the decoder
 * both walk it, so the two cannot disagree.
 */
#include "control/snapshot.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

enum type { END, TEXT, INT, INT64, DOUBLE, BOOL, DOUBLES, GROUP, LIST };

struct member {
	const char *key;
	enum type type;
	size_t offset, size; /* TEXT: bytes; DOUBLES: elements; LIST: bytes of one element */
	const struct member *members; /* GROUP, LIST */
	size_t count_offset, limit;   /* LIST: where its int count is, and its capacity */
};

#define M_TEXT(S, f)                                                                               \
	{                                                                                          \
#f, TEXT, offsetof(struct S, f), sizeof((struct S *)0)->f, NULL, 0, 0              \
	}
#define M_INT(S, f)                                                                                \
	{                                                                                          \
#f, INT, offsetof(struct S, f), 0, NULL, 0, 0                                      \
	}
#define M_INT64(S, f)                                                                              \
	{                                                                                          \
#f, INT64, offsetof(struct S, f), 0, NULL, 0, 0                                    \
	}
#define M_DOUBLE(S, f)                                                                             \
	{                                                                                          \
#f, DOUBLE, offsetof(struct S, f), 0, NULL, 0, 0                                   \
	}
#define M_BOOL(S, f)                                                                               \
	{                                                                                          \
#f, BOOL, offsetof(struct S, f), 0, NULL, 0, 0                                     \
	}
#define M_HISTORY(S, f)                                                                            \
	{                                                                                          \
#f, DOUBLES, offsetof(struct S, f), LK_HISTORY, NULL, 0, 0                         \
	}
#define M_END                                                                                      \
	{                                                                                          \
		NULL, END, 0, 0, NULL, 0, 0                                                        \
	}

static const struct member step_members[] = {
	M_INT(lk_snapshot_step, number),       M_TEXT(lk_snapshot_step, phase),
	M_TEXT(lk_snapshot_step, name),	       M_TEXT(lk_snapshot_step, verb),
	M_TEXT(lk_snapshot_step, state),       M_TEXT(lk_snapshot_step, summary),
	M_TEXT(lk_snapshot_step, statement),   M_TEXT(lk_snapshot_step, lock),
	M_TEXT(lk_snapshot_step, cost),	       M_TEXT(lk_snapshot_step, undo),
	M_TEXT(lk_snapshot_step, destroys),    M_TEXT(lk_snapshot_step, note),
	M_INT64(lk_snapshot_step, started),    M_INT64(lk_snapshot_step, ended),
	M_TEXT(lk_snapshot_step, ask),	       M_TEXT(lk_snapshot_step, by),
	M_INT(lk_snapshot_step, approvals),    M_INT(lk_snapshot_step, approvals_needed),
	M_TEXT(lk_snapshot_step, approved_by), M_END,
};

static const struct member replica_members[] = {
	M_TEXT(lk_snapshot_replica, name),
	M_TEXT(lk_snapshot_replica, state),
	M_DOUBLE(lk_snapshot_replica, lag_ms),
	M_DOUBLE(lk_snapshot_replica, age_ms),
	M_TEXT(lk_snapshot_replica, note),
	M_HISTORY(lk_snapshot_replica, history),
	M_END,
};

static const struct member lock_members[] = {
	M_INT(lk_snapshot_lock, depth),
	M_INT(lk_snapshot_lock, pid),
	M_BOOL(lk_snapshot_lock, ours),
	M_BOOL(lk_snapshot_lock, granted),
	M_TEXT(lk_snapshot_lock, user),
	M_TEXT(lk_snapshot_lock, application),
	M_TEXT(lk_snapshot_lock, state),
	M_TEXT(lk_snapshot_lock, mode),
	M_TEXT(lk_snapshot_lock, object),
	M_DOUBLE(lk_snapshot_lock, wait_ms),
	M_DOUBLE(lk_snapshot_lock, transaction_ms),
	M_TEXT(lk_snapshot_lock, statement),
	M_TEXT(lk_snapshot_lock, remark),
	M_END,
};

static const struct member session_members[] = {
	M_INT(lk_snapshot_session, pid),
	M_BOOL(lk_snapshot_session, ours),
	M_TEXT(lk_snapshot_session, user),
	M_TEXT(lk_snapshot_session, application),
	M_TEXT(lk_snapshot_session, client),
	M_TEXT(lk_snapshot_session, state),
	M_TEXT(lk_snapshot_session, wait),
	M_DOUBLE(lk_snapshot_session, transaction_ms),
	M_DOUBLE(lk_snapshot_session, query_ms),
	M_TEXT(lk_snapshot_session, statement),
	M_END,
};

static const struct member limit_members[] = {
	M_TEXT(lk_snapshot_limit, name),  M_TEXT(lk_snapshot_limit, value),
	M_TEXT(lk_snapshot_limit, limit), M_TEXT(lk_snapshot_limit, state),
	M_BOOL(lk_snapshot_limit, holds), M_END,
};

static const struct member alert_members[] = {
	M_TEXT(lk_snapshot_alert, level),
	M_TEXT(lk_snapshot_alert, text),
	M_INT64(lk_snapshot_alert, since),
	M_END,
};

static const struct member statement_members[] = {
	M_INT64(lk_snapshot_statement, at),
	M_TEXT(lk_snapshot_statement, role),
	M_TEXT(lk_snapshot_statement, statement),
	M_DOUBLE(lk_snapshot_statement, took_ms),
	M_INT64(lk_snapshot_statement, rows),
	M_TEXT(lk_snapshot_statement, outcome),
	M_END,
};

#define BASE(group) offsetof(struct lk_snapshot, group)
#define G(group, f) (offsetof(struct lk_snapshot, group.f) - BASE(group))
#define G_TEXT(group, f)                                                                           \
	{                                                                                          \
#f, TEXT, G(group, f), sizeof((struct lk_snapshot *)0)->group.f, NULL, 0, 0        \
	}
#define G_OF(T, group, f)                                                                          \
	{                                                                                          \
#f, T, G(group, f), 0, NULL, 0, 0                                                  \
	}

static const struct member backfill_members[] = {
	G_OF(BOOL, backfill, active),
	G_TEXT(backfill, table),
	G_OF(INT64, backfill, rows_done),
	G_OF(INT64, backfill, rows_changed),
	G_OF(INT64, backfill, rejected),
	G_OF(INT64, backfill, rows_total),
	G_OF(DOUBLE, backfill, rows_per_s),
	G_OF(INT64, backfill, chunks),
	G_OF(INT64, backfill, chunk_rows),
	G_OF(DOUBLE, backfill, chunk_target_ms),
	G_OF(DOUBLE, backfill, p50_ms),
	G_OF(DOUBLE, backfill, p95_ms),
	G_OF(DOUBLE, backfill, max_ms),
	G_OF(INT64, backfill, retries),
	G_OF(INT64, backfill, cancelled),
	G_OF(INT64, backfill, eta_low),
	G_OF(INT64, backfill, eta_high),
	G_TEXT(backfill, last),
	{"history", DOUBLES, G(backfill, history), LK_HISTORY, NULL, 0, 0},
	M_END,
};

static const struct member load_members[] = {
	G_OF(DOUBLE, server_load, age_ms),
	G_OF(INT, server_load, active),
	G_OF(INT, server_load, idle),
	G_OF(INT, server_load, idle_in_transaction),
	G_OF(INT, server_load, waiting),
	G_OF(INT, server_load, max_connections),
	G_OF(DOUBLE, server_load, transactions_per_s),
	G_OF(INT, server_load, we_block),
	G_OF(INT, server_load, we_wait),
	G_OF(INT, server_load, hidden_idle),
	G_OF(DOUBLE, server_load, oldest_transaction_ms),
	G_OF(INT64, server_load, history),
	G_TEXT(server_load, unseen),
	M_END,
};

static const struct member proof_members[] = {
	G_OF(INT64, proof, requested),	     G_OF(DOUBLE, proof, accepted_ms),
	G_OF(DOUBLE, proof, quiet_ms),	     G_OF(BOOL, proof, confirmed),
	G_OF(INT, proof, open_transactions), G_OF(INT, proof, locks_held),
	G_OF(DOUBLE, proof, checked_age_ms), G_TEXT(proof, last_chunk),
	G_TEXT(proof, still_running),	     M_END,
};

static const struct member application_members[] = {
	G_OF(BOOL, application, known),
	G_OF(DOUBLE, application, age_ms),
	G_OF(INT64, application, transactions),
	G_OF(INT64, application, errors),
	G_OF(DOUBLE, application, per_s),
	G_OF(DOUBLE, application, p50_ms),
	G_OF(DOUBLE, application, p95_ms),
	G_OF(DOUBLE, application, p99_ms),
	G_OF(DOUBLE, application, max_ms),
	G_OF(DOUBLE, application, p99_alone_ms),
	G_OF(DOUBLE, application, longest_stall_ms),
	G_TEXT(application, releases),
	G_TEXT(application, last_error),
	M_END,
};

static const struct member result_members[] = {
	G_OF(BOOL, result, known),
	G_OF(INT64, result, rows_compared),
	G_OF(INT64, result, rows_different),
	G_TEXT(result, text),
	M_END,
};

#define S_GROUP(f, list)                                                                           \
	{                                                                                          \
#f, GROUP, offsetof(struct lk_snapshot, f), 0, list, 0, 0                          \
	}
#define S_LIST(f, list, max)                                                                       \
	{                                                                                          \
#f, LIST, offsetof(struct lk_snapshot, f),                                         \
			sizeof(((struct lk_snapshot *)0)->f[0]), list,                             \
			offsetof(struct lk_snapshot, f##_count), max                               \
	}

static const struct member snapshot_members[] = {
	M_TEXT(lk_snapshot, version),
	M_TEXT(lk_snapshot, run),
	M_TEXT(lk_snapshot, plan),
	M_TEXT(lk_snapshot, why),
	M_TEXT(lk_snapshot, digest),
	M_TEXT(lk_snapshot, plan_file),
	M_TEXT(lk_snapshot, target),
	M_TEXT(lk_snapshot, environment),
	M_TEXT(lk_snapshot, server),
	M_TEXT(lk_snapshot, engine),
	M_TEXT(lk_snapshot, host),
	M_INT(lk_snapshot, pid),
	M_INT64(lk_snapshot, epoch),
	M_INT64(lk_snapshot, taken),
	M_INT64(lk_snapshot, started),
	M_TEXT(lk_snapshot, state),
	M_TEXT(lk_snapshot, reason),
	M_TEXT(lk_snapshot, failure),
	M_TEXT(lk_snapshot, phase),
	M_INT(lk_snapshot, step),
	M_TEXT(lk_snapshot, paused_by),
	M_INT64(lk_snapshot, paused_at),
	M_BOOL(lk_snapshot, can_rollback),
	M_TEXT(lk_snapshot, rollback_note),
	M_TEXT(lk_snapshot, operator_name),
	M_TEXT(lk_snapshot, operator_host),
	M_INT64(lk_snapshot, operator_since),
	M_INT(lk_snapshot, viewers),
	S_GROUP(backfill, backfill_members),
	S_GROUP(server_load, load_members),
	S_GROUP(proof, proof_members),
	S_GROUP(application, application_members),
	S_GROUP(result, result_members),
	S_LIST(steps, step_members, LK_SNAPSHOT_STEPS),
	S_LIST(replicas, replica_members, LK_SNAPSHOT_REPLICAS),
	S_LIST(locks, lock_members, LK_SNAPSHOT_LOCKS),
	S_LIST(sessions, session_members, LK_SNAPSHOT_SESSIONS),
	S_LIST(limits, limit_members, LK_SNAPSHOT_LIMITS),
	S_LIST(alerts, alert_members, LK_SNAPSHOT_ALERTS),
	S_LIST(statements, statement_members, LK_SNAPSHOT_STATEMENTS),
	M_END,
};

static const struct member event_members[] = {
	M_INT64(lk_event, number), M_INT64(lk_event, at),  M_TEXT(lk_event, kind),
	M_TEXT(lk_event, who),	   M_TEXT(lk_event, text), M_END,
};

static json_t *encode(const struct member *members, const char *base);

static json_t *encode_text(const char *text)
{
	json_t *value = json_string(text);
	if (value)
		return value;
	char *clean = lk_utf8_repair(text);
	value = json_string(clean);
	free(clean);
	return value;
}

static json_t *encode_member(const struct member *m, const char *base)
{
	const char *at = base + m->offset;
	json_t *list;
	switch (m->type) {
	case TEXT:
		return encode_text(at);
	case INT:
		return json_integer(*(const int *)at);
	case INT64:
		return json_integer(*(const int64_t *)at);
	case DOUBLE:
		return json_real(*(const double *)at);
	case BOOL:
		return json_boolean(*(const bool *)at);
	case GROUP:
		return encode(m->members, at);
	case DOUBLES:
		list = json_array();
		for (size_t i = 0; i < m->size; i++)
			json_array_append_new(list, json_real(((const double *)at)[i]));
		return list;
	case LIST:
		list = json_array();
		for (int i = 0; i < *(const int *)(base + m->count_offset); i++)
			json_array_append_new(list, encode(m->members, at + (size_t)i * m->size));
		return list;
	default:
		return json_null();
	}
}

static json_t *encode(const struct member *members, const char *base)
{
	json_t *object = json_object();
	for (const struct member *m = members; m->key; m++)
		json_object_set_new(object, m->key, encode_member(m, base));
	return object;
}

static void decode(const struct member *members, const json_t *object, char *base);

static void decode_list(const struct member *m, const json_t *value, char *base)
{
	int count = 0;
	size_t i;
	json_t *element;
	json_array_foreach (value, i, element) {
		if ((size_t)count == m->limit)
			break;
		decode(m->members, element, base + m->offset + (size_t)count++ * m->size);
	}
	*(int *)(base + m->count_offset) = count;
}

static void decode_member(const struct member *m, const json_t *value, char *base)
{
	char *at = base + m->offset;
	switch (m->type) {
	case TEXT:
		if (json_is_string(value))
			lk_copy_text(at, m->size, json_string_value(value));
		break;
	case INT:
		*(int *)at = (int)json_integer_value(value);
		break;
	case INT64:
		*(int64_t *)at = json_integer_value(value);
		break;
	case DOUBLE:
		*(double *)at = json_number_value(value);
		break;
	case BOOL:
		*(bool *)at = json_is_true(value);
		break;
	case GROUP:
		decode(m->members, value, at);
		break;
	case DOUBLES:
		for (size_t i = 0; i < m->size && i < json_array_size(value); i++)
			((double *)at)[i] = json_number_value(json_array_get(value, i));
		break;
	case LIST:
		decode_list(m, value, base);
		break;
	default:
		break;
	}
}

static void decode(const struct member *members, const json_t *object, char *base)
{
	for (const struct member *m = members; m->key; m++) {
		const json_t *value = json_object_get(object, m->key);
		if (value)
			decode_member(m, value, base);
	}
}

json_t *lk_snapshot_encode(const struct lk_snapshot *snapshot)
{
	return encode(snapshot_members, (const char *)snapshot);
}

json_t *lk_event_encode(const struct lk_event *event)
{
	return encode(event_members, (const char *)event);
}

void lk_snapshot_decode(const json_t *object, struct lk_snapshot *snapshot)
{
	memset(snapshot, 0, sizeof *snapshot);
	decode(snapshot_members, object, (char *)snapshot);
}

void lk_event_decode(const json_t *object, struct lk_event *event)
{
	memset(event, 0, sizeof *event);
	decode(event_members, object, (char *)event);
}
