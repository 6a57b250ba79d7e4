/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What approvals are bound to: any change of what would be done changes it, a change of the
 * reasons, the target or the limits does not. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plan/model.h"
#include "plan/parts.h"

/* Entry gates follow from the phases, and default names from the order: both are the same before
 * and after lk_plan_complete. */
static json_t *what_is_done(const struct lk_plan *plan)
{
	json_t *list = json_array();
	for (size_t i = 0; i < plan->step_count; i++) {
		if (plan->steps[i].phase_entry)
			continue;
		json_t *step = lk_step_to_json(&plan->steps[i]);
		if (!plan->steps[i].name) {
			char *name = lk_step_default_name(plan, i);
			json_object_set_new(step, "name", json_string(name));
			free(name);
		}
		json_array_append_new(list, step);
	}
	for (size_t i = 0; plan->step_count == 0 && i < plan->operation_count; i++)
		json_array_append_new(list, lk_operation_to_json(&plan->operations[i]));
	return list;
}

void lk_plan_digest(const struct lk_plan *plan, char digest[65])
{
	json_t *object =
		json_pack("{s:s, s:s, s:s, s:o}", "plan", plan->name ? plan->name : "",
			  "release_old", plan->release_old ? plan->release_old : "", "release_new",
			  plan->release_new ? plan->release_new : "", "does", what_is_done(plan));
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	if (!text || EVP_Digest(text, strlen(text), hash, &length, EVP_sha256(), NULL) != 1 ||
	    length != 32) {
		fputs("lockkeeper: the digest of a plan cannot be computed\n", stderr);
		abort();
	}
	for (unsigned i = 0; i < length; i++)
		snprintf(digest + 2 * i, 3, "%02x", hash[i]);
	free(text);
	json_decref(object);
}
