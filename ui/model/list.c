/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/model/list.h"

static int clamp(int64_t value, int low, int high)
{
	return value < low ? low : value > high ? high : (int)value;
}

void lk_list_sync(struct lk_list *list, const int64_t *keys, int count)
{
	list->count = count;
	if (count == 0) {
		list->index = list->top = 0;
		return;
	}
	if (list->follow) {
		list->index = count - 1;
		list->key = keys[count - 1];
		return;
	}
	for (int i = 0; i < count; i++)
		if (keys[i] == list->key) {
			list->index = i;
			return;
		}
	list->index = clamp(list->index, 0, count - 1);
	list->key = keys[list->index];
}

void lk_list_move(struct lk_list *list, int delta, const int64_t *keys, int count)
{
	bool follow = list->follow;

	lk_list_sync(list, keys, count);
	if (count == 0)
		return;
	list->index = clamp((int64_t)list->index + delta, 0, count - 1);
	list->key = keys[list->index];
	if (follow)
		list->follow = list->index == count - 1;
}

int lk_list_window(struct lk_list *list, int rows)
{
	list->page = rows < 1 ? 1 : rows;
	if (list->index < list->top)
		list->top = list->index;
	if (list->index >= list->top + list->page)
		list->top = list->index - list->page + 1;
	list->top = clamp(list->top, 0, list->count > list->page ? list->count - list->page : 0);
	return list->top;
}
