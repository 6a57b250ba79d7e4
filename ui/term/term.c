/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/term/term.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/width_table.h"
#include "ui/term/restore.h"

#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"

struct lk_term {
	int in, out; /* the terminal, opened anew without waiting */
	int memory;  /* where curses writes */
	FILE *memory_file, *input_file;
	SCREEN *screen;
	char name[64];
	bool unicode, raw;
	struct termios shell;
	struct lk_buffer pending; /* on its way to the terminal */
	size_t sent;
	struct lk_tokens *tokens;
	attr_t attributes[LK_ROLES];
	short pairs[LK_ROLES];
	struct {
		bool shown;
		int row, column;
	} cursor;
};

/* Terminals that descend from xterm and whose own descriptions are often missing on a server. */
static const char *const xterm_like[] = {"xterm",   "alacritty", "foot",  "kitty",
					 "ghostty", "wezterm",	 "tmux-", "screen-"};

bool lk_term_possible(void)
{
	const char *name = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && name && *name &&
	       strcmp(name, "dumb") != 0;
}

static int open_again(int fd, int mode)
{
	char path[256];
	int again = -1;

	if (ttyname_r(fd, path, sizeof path) == 0)
		again = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again < 0)
		again = open("/dev/tty", mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return again < 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : again;
}

static bool try_name(struct lk_term *term, const char *name)
{
	term->screen = newterm(name, term->memory_file, term->input_file);
	if (!term->screen)
		return false;
	if (!tigetstr("cup") || tigetstr("cup") == (char *)-1) {
		endwin();
		delscreen(term->screen);
		term->screen = NULL;
		return false;
	}
	LK_COPY(term->name, name);
	return true;
}

static bool open_screen(struct lk_term *term, struct lk_error *error)
{
	const char *name = getenv("TERM");

	if (try_name(term, name))
		return true;
	for (size_t i = 0; i < LK_COUNT(xterm_like); i++)
		if (strncmp(name, xterm_like[i], strlen(xterm_like[i])) == 0 &&
		    try_name(term, "xterm-256color"))
			return true;
	if (try_name(term, "vt100"))
		return true;
	return lk_fail(error, LK_ERROR_SYSTEM,
		       "this machine has no description of the terminal \"%s\", nor of vt100",
		       name);
}

static void set_raw(struct lk_term *term)
{
	struct termios modes = term->shell;

	/* Ctrl-C, Ctrl-Z, Ctrl-S and Ctrl-Q arrive as keys: a stopped line would stop the console
	 */
	modes.c_iflag &= ~(tcflag_t)(IXON | ICRNL | INLCR | IGNCR | ISTRIP | BRKINT);
	modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	modes.c_oflag &= ~(tcflag_t)OPOST;
	modes.c_cc[VMIN] = 1;
	modes.c_cc[VTIME] = 0;
	tcsetattr(term->in, TCSANOW, &modes);
	term->raw = true;
}

static void set_styles(struct lk_term *term, const struct lk_theme *theme)
{
	bool colours = has_colors() && start_color() == OK;
	bool defaults = colours && use_default_colors() == OK;

	for (int i = 0; i < LK_ROLES; i++) {
		const struct lk_style *style = &theme->styles[i];
		short fg = style->foreground, bg = style->background;

		term->attributes[i] = (style->attributes & LK_BOLD ? A_BOLD : 0) |
				      (style->attributes & LK_REVERSE ? A_REVERSE : 0) |
				      (style->attributes & LK_UNDERLINE ? A_UNDERLINE : 0) |
				      (style->attributes & LK_DIM ? A_DIM : 0);
		if (!colours || (fg < 0 && bg < 0) || i + 1 >= COLOR_PAIRS)
			continue;
		if (!defaults) {
			fg = fg < 0 ? COLOR_WHITE : fg;
			bg = bg < 0 ? COLOR_BLACK : bg;
		}
		if (init_pair((short)(i + 1), fg, bg) == OK)
			term->pairs[i] = (short)(i + 1);
	}
}

/* Takes over what curses has written since the last time. */
static void collect(struct lk_term *term)
{
	char bytes[4096];
	ssize_t count;

	fflush(term->memory_file);
	lseek(term->memory, 0, SEEK_SET);
	while ((count = read(term->memory, bytes, sizeof bytes)) > 0)
		lk_buffer_add_bytes(&term->pending, bytes, (size_t)count);
	if (ftruncate(term->memory, 0) == 0)
		lseek(term->memory, 0, SEEK_SET);
}

static void arm_restore(struct lk_term *term)
{
	static const char *const names[] = {"sgr0", "cnorm", "rmcup"};
	struct lk_buffer bytes = {0};

	lk_buffer_add(&bytes, PASTE_OFF);
	for (size_t i = 0; i < LK_COUNT(names); i++) {
		const char *text = tigetstr(names[i]);

		if (text && text != (char *)-1 && !strchr(text, '$'))
			lk_buffer_add(&bytes, text);
	}
	lk_restore_arm(term->out, &term->shell, lk_buffer_text(&bytes), bytes.length);
	lk_buffer_free(&bytes);
}

static void term_free(struct lk_term *term)
{
	if (term->memory_file)
		fclose(term->memory_file);
	if (term->input_file)
		fclose(term->input_file);
	if (term->in >= 0)
		close(term->in);
	if (term->out >= 0)
		close(term->out);
	lk_buffer_free(&term->pending);
	lk_tokens_free(term->tokens);
	free(term);
}

static bool open_files(struct lk_term *term, struct lk_error *error)
{
	term->in = open_again(STDIN_FILENO, O_RDONLY);
	term->out = open_again(STDOUT_FILENO, O_WRONLY);
	term->memory = memfd_create("lockkeeper-screen", MFD_CLOEXEC);
	if (term->memory >= 0)
		term->memory_file = fdopen(term->memory, "w+");
	term->input_file = fopen("/dev/null", "re");
	if (term->in < 0 || term->out < 0 || !term->memory_file || !term->input_file ||
	    tcgetattr(term->in, &term->shell) != 0)
		return lk_fail_errno(error, errno, "cannot open the terminal");
	return true;
}

struct lk_term *lk_term_start(const struct lk_theme *theme, struct lk_error *error)
{
	struct lk_term *term = lk_alloc(sizeof *term);
	int rows, columns;

	term->in = term->out = term->memory = -1;
	term->unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (!open_files(term, error) || !open_screen(term, error)) {
		term_free(term);
		return NULL;
	}
	term->tokens = lk_tokens_new();
	set_raw(term);
	set_styles(term, theme);
	lk_term_size(term, &rows, &columns);
	resizeterm(rows, columns);
	curs_set(0);
	leaveok(stdscr, FALSE);
	arm_restore(term);
	lk_buffer_add(&term->pending, PASTE_ON);
	return term;
}

/* Gives the terminal up to a fifth of a second to take what is left. */
static void flush_bounded(struct lk_term *term)
{
	int64_t deadline = lk_clock_us() + 200 * 1000;

	while (lk_term_flush(term) && term->sent < term->pending.length) {
		struct pollfd fd = {term->out, POLLOUT, 0};
		int left = (int)((deadline - lk_clock_us()) / 1000);

		if (left <= 0 || poll(&fd, 1, left) <= 0)
			break;
	}
}

static void leave_screen(struct lk_term *term)
{
	lk_buffer_add(&term->pending, PASTE_OFF);
	endwin();
	collect(term);
	flush_bounded(term);
	tcsetattr(term->in, TCSANOW, &term->shell);
}

void lk_term_stop(struct lk_term *term, bool gone)
{
	if (!term)
		return;
	lk_restore_disarm();
	if (gone)
		endwin();
	else
		leave_screen(term);
	delscreen(term->screen);
	term_free(term);
}

void lk_term_suspend(struct lk_term *term)
{
	sigset_t stop, before;

	leave_screen(term);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &stop, &before);
	raise(SIGTSTP);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	lk_term_resume(term);
}

void lk_term_resume(struct lk_term *term)
{
	set_raw(term);
	lk_buffer_add(&term->pending, PASTE_ON);
	clearok(curscr, TRUE);
}

bool lk_term_unicode(const struct lk_term *term)
{
	return term->unicode;
}

const char *lk_term_name(const struct lk_term *term)
{
	return term->name;
}

void lk_term_size(const struct lk_term *term, int *rows, int *columns)
{
	struct winsize size = {0};

	if (ioctl(term->out, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	*rows = size.ws_row;
	*columns = size.ws_col;
}

void lk_term_poll(const struct lk_term *term, struct pollfd fds[2])
{
	bool busy = term->sent < term->pending.length;

	fds[0] = (struct pollfd){term->in, POLLIN, 0};
	fds[1] = (struct pollfd){busy ? term->out : -1, POLLOUT, 0};
}

bool lk_term_flush(struct lk_term *term)
{
	while (term->sent < term->pending.length) {
		size_t left = term->pending.length - term->sent;
		/* small pieces: should the descriptor be one that waits, it waits after poll said
		 * yes */
		ssize_t count = write(term->out, term->pending.text + term->sent,
				      left < 4096 ? left : 4096);

		if (count > 0)
			term->sent += (size_t)count;
		else if (count < 0 && errno == EAGAIN)
			return true;
		else if (!(count < 0 && errno == EINTR))
			return false;
	}
	lk_buffer_reset(&term->pending);
	term->sent = 0;
	return true;
}

bool lk_term_read(struct lk_term *term, int64_t now_us)
{
	char bytes[4096];
	ssize_t count = read(term->in, bytes, sizeof bytes);

	if (count > 0)
		lk_tokens_feed(term->tokens, bytes, (size_t)count, now_us);
	return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

struct lk_tokens *lk_term_tokens(struct lk_term *term)
{
	return term->tokens;
}

/* The cell for curses. Where the C library counts other columns than we do, curses would lose its
 * place, so such a character is shown as "?" in each of its columns. */
static void cell_for_curses(const struct lk_term *term, const struct lk_cell *cell, bool wide,
			    cchar_t *out)
{
	wchar_t text[3] = {(wchar_t)cell->character, (wchar_t)cell->mark, 0};

	if (cell->character > 0x7e && wcwidth(text[0]) != (wide ? 2 : 1))
		text[0] = '?';
	if (cell->mark && (text[0] == '?' || wcwidth(text[1]) != 0))
		text[1] = 0;
	setcchar(out, text, term->attributes[cell->role], term->pairs[cell->role], NULL);
}

static void draw_row(struct lk_term *term, const struct lk_canvas *canvas, int row)
{
	const struct lk_cell *cells = canvas->cells + (size_t)row * (size_t)canvas->columns;
	cchar_t blank;

	setcchar(&blank, L"?", 0, 0, NULL);
	for (int i = 0; i < canvas->columns; i++) {
		bool wide = i + 1 < canvas->columns && cells[i + 1].character == 0;
		cchar_t cell;
		wchar_t text[CCHARW_MAX];
		attr_t attributes;
		short pair;

		if (cells[i].character == 0)
			continue;
		cell_for_curses(term, &cells[i], wide, &cell);
		mvadd_wch(row, i, &cell);
		getcchar(&cell, text, &attributes, &pair, NULL);
		if (wide && text[0] == '?')
			mvadd_wch(row, i + 1, &blank);
	}
}

static void place_cursor(struct lk_term *term, const struct lk_canvas *canvas)
{
	bool show = canvas->cursor_row >= 0;

	if (show != term->cursor.shown)
		curs_set(show ? 1 : 0);
	term->cursor.shown = show;
	if (show)
		move(canvas->cursor_row, canvas->cursor_column);
	leaveok(stdscr, !show);
}

bool lk_term_draw(struct lk_term *term, const struct lk_canvas *canvas, bool full)
{
	if (!lk_term_flush(term) || term->sent < term->pending.length)
		return false;
	if (LINES != canvas->rows || COLS != canvas->columns) {
		resizeterm(canvas->rows, canvas->columns);
		full = true;
	}
	for (int row = 0; row < canvas->rows; row++)
		draw_row(term, canvas, row);
	place_cursor(term, canvas);
	if (full)
		clearok(curscr, TRUE);
	wnoutrefresh(stdscr);
	doupdate();
	collect(term);
	lk_term_flush(term);
	return true;
}

void lk_term_bell(struct lk_term *term)
{
	lk_buffer_add(&term->pending, "\a");
	lk_term_flush(term);
}
