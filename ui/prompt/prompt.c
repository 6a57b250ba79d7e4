/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/prompt/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "base/memory.h"
#include "base/path.h"
#include "base/safe_text.h"
#include "ui/model/input.h"

enum { QUEUE = 4096, HISTORY_LINES = 500 };

/* readline's callbacks have no argument of ours: this is the state behind them. */
static struct {
	bool open, finished;
	enum lk_prompt_kind kind;
	char *line;
	unsigned char queue[QUEUE];
	size_t head, tail;
	FILE *nowhere;
	char *history;
} prompt;

static int next_byte(FILE *stream)
{
	(void)stream;
	return prompt.head == prompt.tail ? EOF : prompt.queue[prompt.head++];
}

static int bytes_wait(void)
{
	return prompt.head != prompt.tail;
}

static void redisplay(void)
{
	/* the frame is drawn by the console, from readline's buffer */
}

static void take_line(char *line)
{
	prompt.line = line;
	prompt.finished = true;
	rl_callback_handler_remove(); /* else it would arm itself again */
}

static char *next_word(const char *text, int state)
{
	static size_t index; /* kept between calls, as readline wants it */
	const char *word;

	if (state == 0)
		index = 0;
	while ((word = lk_input_command_word(index)) != NULL) {
		index++;
		if (strncmp(word, text, strlen(text)) == 0)
			return strdup(word);
	}
	return NULL;
}

static char **complete(const char *text, int start, int end)
{
	(void)end;
	rl_attempted_completion_over = 1;
	return prompt.kind == LK_PROMPT_COMMAND && start == 0
		       ? rl_completion_matches(text, next_word)
		       : NULL;
}

void lk_prompt_start(void)
{
	struct lk_error error;
	char *folder = lk_path_state();

	setenv("INPUTRC", "/dev/null", 0); /* somebody's key bindings are not for this */
	rl_readline_name = "lockkeeper";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0; /* LINES and COLUMNS in the environment would freeze the size */
	rl_prep_term_function = NULL;
	rl_deprep_term_function = NULL;
	prompt.nowhere = fopen("/dev/null", "we");
	rl_outstream = prompt.nowhere;
	rl_getc_function = next_byte;
	rl_input_available_hook = bytes_wait;
	rl_redisplay_function = redisplay;
	rl_attempted_completion_function = complete;
	rl_initialize();
	stifle_history(HISTORY_LINES);
	if (folder && lk_path_make(folder, 0700, &error)) {
		prompt.history = lk_path_join(folder, "console_history");
		read_history(prompt.history);
	}
	free(folder);
}

void lk_prompt_stop(void)
{
	lk_prompt_close();
	if (prompt.history) {
		mode_t before = umask(0077);

		if (history_length > 0)
			write_history(prompt.history);
		umask(before);
		free(prompt.history);
		prompt.history = NULL;
	}
	clear_history();
	rl_outstream = stdout;
	if (prompt.nowhere)
		fclose(prompt.nowhere);
	prompt.nowhere = NULL;
}

void lk_prompt_open(enum lk_prompt_kind kind)
{
	static const char *const prompts[] = {":", "/", "note: "};

	lk_prompt_close();
	prompt.kind = kind;
	prompt.open = true;
	prompt.head = prompt.tail = 0;
	rl_callback_handler_install(prompts[kind], take_line);
}

void lk_prompt_close(void)
{
	if (!prompt.open)
		return;
	if (!prompt.finished)
		rl_callback_handler_remove();
	free(prompt.line);
	prompt.line = NULL;
	prompt.open = prompt.finished = false;
}

bool lk_prompt_is_open(void)
{
	return prompt.open;
}

enum lk_prompt_kind lk_prompt_kind(void)
{
	return prompt.kind;
}

/* Pasted text becomes one safe line: a line break in it must not finish the line. */
static void insert_paste(const struct lk_input *input)
{
	char *raw = lk_strndup(input->bytes, strnlen(input->bytes, input->length));
	char *safe = lk_safe_copy(raw, 0);

	rl_insert_text(safe);
	free(raw);
	free(safe);
}

static void feed_bytes(const struct lk_input *input)
{
	size_t length = input->length < QUEUE ? input->length : QUEUE;

	prompt.head = 0;
	prompt.tail = length;
	memcpy(prompt.queue, input->bytes, length);
	while (prompt.head != prompt.tail && !prompt.finished)
		rl_callback_read_char();
	prompt.head = prompt.tail = 0;
}

bool lk_prompt_feed(const struct lk_input *input, char **line)
{
	*line = NULL;
	if (input->kind == LK_INPUT_PASTE) {
		insert_paste(input);
		return false;
	}
	if (input->key == LK_KEY_ESC || input->key == LK_KEY_CTRL_C) {
		lk_prompt_close();
		return true;
	}
	feed_bytes(input);
	if (!prompt.finished)
		return false;
	*line = prompt.line;
	prompt.line = NULL;
	/* a leading blank keeps a line out of the history */
	if (*line && **line && **line != ' ' && prompt.kind == LK_PROMPT_COMMAND)
		add_history(*line);
	lk_prompt_close();
	return true;
}

void lk_prompt_draw(const struct lk_area *area, int row)
{
	char *before = lk_strndup(rl_line_buffer, (size_t)rl_point);
	int start, cursor, shift;

	lk_fill(area, row, (struct lk_field){0, area->columns, LK_ROLE_FIELD}, ' ');
	start = lk_put(area, row, 0, LK_ROLE_FIELD, rl_display_prompt);
	cursor = start + lk_text_width(area, before);
	/* a line longer than the window shows its end */
	shift = cursor >= area->columns ? (int)strlen(before) - (area->columns - start) / 2 : 0;
	while (shift > 0 && ((unsigned char)rl_line_buffer[shift] & 0xc0) == 0x80)
		shift--;
	if (shift > 0)
		cursor = start + lk_text_width(area, before + shift);
	lk_put(area, row, start, LK_ROLE_FIELD, rl_line_buffer + (shift > 0 ? shift : 0));
	area->canvas->cursor_row = area->row + row;
	area->canvas->cursor_column =
		area->column + (cursor < area->columns ? cursor : area->columns - 1);
	free(before);
}
