/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/layout.h"

void lk_layout_solve(struct lk_slot *slots, int count, int rows)
{
	int row = 0, highest = 0;

	for (int i = 0; i < count; i++) {
		slots[i].rows = 0;
		highest = slots[i].priority > highest ? slots[i].priority : highest;
	}
	/* everybody's least first, then everybody's wish, each time by priority */
	for (int priority = 0; priority <= highest; priority++)
		for (int i = 0; i < count; i++)
			if (slots[i].priority == priority && slots[i].want > 0) {
				slots[i].rows = slots[i].least <= rows	? slots[i].least
						: slots[i].fold <= rows ? slots[i].fold
									: 0;
				rows -= slots[i].rows;
			}
	for (int priority = 0; priority <= highest; priority++)
		for (int i = 0; i < count; i++) {
			int more = slots[i].want - slots[i].rows;

			if (slots[i].priority != priority || slots[i].rows == 0 || more <= 0)
				continue;
			more = more < rows ? more : rows;
			slots[i].rows += more;
			rows -= more;
		}
	for (int i = 0; i < count; i++) {
		slots[i].row = row;
		row += slots[i].rows;
	}
}
