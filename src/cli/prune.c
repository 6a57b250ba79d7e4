/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `lockkeeper history --prune`: forgets runs that are over, and with --all the journal itself. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/history.h"

struct tally {
	int deleted, kept, refused;
};

static bool is_over(const struct lk_journal_run *run)
{
	return strcmp(run->state, "done") == 0 || strcmp(run->state, "undone") == 0;
}

static bool is_named(const struct lk_history *h, const struct lk_journal_run *run)
{
	for (size_t i = 0; i < h->run_count; i++)
		if (strcmp(h->runs[i], run->name) == 0)
			return true;
	return h->run_count == 0;
}

static void say(const struct lk_history *h, const struct lk_journal_run *run, const char *outcome,
		const char *text)
{
	char age[24];
	lk_history_duration(lk_wall_ms() - run->changed, age, sizeof age);
	if (h->json) {
		json_t *object = lk_history_json(run);
		json_object_set_new(object, "outcome", json_string(outcome));
		json_object_set_new(object, "text", json_string(text));
		lk_cli_print_json(object);
		json_decref(object);
	} else if (text[0]) {
		lk_cli_fail(0, "%s", text);
	} else {
		printf("%s %s (%s %s ago, %d steps)\n", outcome, run->name, run->state, age,
		       run->steps);
	}
}

static void prune_one(const struct lk_history *h, const struct lk_journal_run *run,
		      struct tally *tally)
{
	struct lk_error error = {0};
	bool named = h->run_count > 0;
	bool young = lk_wall_ms() - run->changed < h->older_than_ms;
	if (!is_named(h, run) || (!named && (!is_over(run) || young))) {
		tally->kept++;
	} else if (named && young && is_over(run)) {
		lk_fail(&error, LK_ERROR_REFUSED,
			"run %s stays: it ended later than --older-than asks", run->name);
	} else if (lk_journal_forget(h->session, run->name, h->dry_run, &error)) {
		say(h, run, h->dry_run ? "would delete" : "deleted", "");
		tally->deleted++;
	}
	if (error.class != LK_NO_ERROR) {
		say(h, run, "kept", error.text);
		tally->refused++;
	}
}

/* Names that the journal does not have are a mistake of whoever wrote them. */
static int check_names(const struct lk_history *h, const struct lk_journal_run *runs, size_t count)
{
	for (size_t n = 0; n < h->run_count; n++) {
		bool found = false;
		for (size_t i = 0; i < count; i++)
			found = found || strcmp(h->runs[n], runs[i].name) == 0;
		if (!found)
			return lk_cli_fail(LK_EXIT_USAGE,
					   "the journal of this target has no run \"%s\"",
					   h->runs[n]);
	}
	return 0;
}

static int drop_schema(const struct lk_history *h, const struct tally *tally)
{
	struct lk_error error;
	int left = tally->kept + tally->refused;
	if (left > 0)
		return lk_cli_fail(LK_EXIT_FAILED,
				   "the schema lockkeeper stays: %d runs are left in it", left);
	if (!h->dry_run && !lk_journal_drop(h->session, &error))
		return lk_cli_error(&error);
	const char *outcome = h->dry_run ? "would drop" : "dropped";
	if (h->json) {
		json_t *object =
			json_pack("{s:s, s:s}", "schema", "lockkeeper", "outcome", outcome);
		lk_cli_print_json(object);
		json_decref(object);
	} else {
		printf("%s the schema lockkeeper\n", outcome);
	}
	return LK_EXIT_DONE;
}

int lk_history_prune(const struct lk_history *h)
{
	struct lk_error error;
	struct lk_journal_run *runs;
	struct tally tally = {0};
	size_t count;
	if (!lk_journal_list(h->session, &runs, &count, &error))
		return lk_cli_error(&error);
	int status = check_names(h, runs, count);
	for (size_t i = 0; !status && i < count; i++)
		prune_one(h, &runs[i], &tally);
	free(runs);
	if (status)
		return status;
	if (h->all)
		return drop_schema(h, &tally);
	if (!h->json && tally.deleted == 0 && tally.refused == 0)
		puts("nothing to delete");
	if (!h->json && !h->dry_run && tally.kept + tally.refused == 0)
		puts("no run is left: lockkeeper history --prune --all drops the schema lockkeeper");
	/* What was named and stays is a failure; of all that are over some may have a reason to stay. */
	return tally.refused && h->run_count ? LK_EXIT_FAILED : LK_EXIT_DONE;
}
