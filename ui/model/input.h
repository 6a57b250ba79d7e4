/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys and pasted blocks into the model, when no line is being edited. Pure. */
#ifndef LK_UI_INPUT_H
#define LK_UI_INPUT_H

#include "ui/model/model.h"
#include "ui/term/token.h"

void lk_input_take(struct lk_model *model, const struct lk_input *input);
/* A word of the command line, with its argument: "confirm release-42". The same tiers apply. */
void lk_input_command(struct lk_model *model, const char *line);
/* The words of the command line, for completion; NULL after the last. */
const char *lk_input_command_word(size_t index);

#endif
