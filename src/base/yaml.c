/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From bytes to a tree. The parser's events are read one by one, so that nothing is ever expanded
 * and nesting is bounded before memory is spent on it. */
#include "base/yaml.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

/* The parser takes quadratic time over some runs of blank lines: the bound keeps that under a
 * second. */
enum { DEEPEST = 16, MOST_LINES = 10000 };

struct parse {
	const char *file, *text;
	size_t length;
	struct lk_problems *problems;
	struct lk_yaml_node *open[DEEPEST]; /* the collections we are inside */
	int depth;
	struct lk_yaml_node *root;
	int documents;
	bool failed;
};

void lk_yaml_free(struct lk_yaml_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->count; i++)
		lk_yaml_free(node->members[i]); /* at most DEEPEST levels */
	free(node->members);
	free(node->text);
	free(node);
}

static void place_of(const char *text, size_t offset, int *line, int *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			(*line)++;
			*column = 1;
		} else if (((unsigned char)text[i] & 0xC0) != 0x80) {
			(*column)++;
		}
	}
}

static void problem_at(struct parse *parse, size_t offset, const char *text)
{
	int line, column;
	place_of(parse->text, offset, &line, &column);
	lk_problems_add(parse->problems, parse->file, line, column, "%s", text);
	parse->failed = true;
}

/* What YAML or our messages could not carry: found here with its place instead of deep in the
 * parser. */
static void check_bytes(struct parse *parse)
{
	size_t i = 0, line_start = 0;
	int lines = 0;
	bool indentation = true;
	while (i < parse->length && !parse->failed) {
		unsigned char c = (unsigned char)parse->text[i];
		uint32_t character = c;
		size_t bytes = 1;
		if (c >= 0x80)
			bytes = lk_utf8_decode(parse->text + i, parse->length - i, &character);
		if (c == '\n')
			line_start = i + 1;
		indentation = c == '\n' || (indentation && (c == ' ' || c == '\t'));
		if (c == '\n' && ++lines == MOST_LINES)
			problem_at(parse, i, "the file has more than 10,000 lines");
		else if (c >= 0x80 && bytes == 1)
			problem_at(parse, i, "this is not UTF-8 text");
		else if (c == '\0')
			problem_at(parse, i, "a NUL byte: this is not a text file");
		else if (c == '\t' && indentation)
			problem_at(parse, i, "a tab in the indentation: use spaces");
		else if (c == '%' && i == line_start)
			problem_at(parse, i,
				   "a line that begins with % is a YAML directive, which is not "
				   "taken");
		else if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f ||
			 (character >= 0x80 && character < 0xA0))
			problem_at(parse, i, "a control character: this is not a text file");
		i += bytes;
	}
}

static size_t offset_of(const struct parse *parse, size_t input_pos)
{
	return input_pos < parse->length ? input_pos : parse->length;
}

/* "name: value # note": the reader must not take the note for part of the value, nor a person. */
static bool comment_follows(const struct parse *parse, size_t end)
{
	while (end < parse->length && (parse->text[end] == ' ' || parse->text[end] == '\t'))
		end++;
	return end < parse->length && parse->text[end] == '#';
}

static enum lk_yaml_style style_of(struct fy_token *token)
{
	switch (fy_token_scalar_style(token)) {
	case FYSS_SINGLE_QUOTED:
	case FYSS_DOUBLE_QUOTED:
		return LK_YAML_QUOTED;
	case FYSS_LITERAL:
	case FYSS_FOLDED:
		return LK_YAML_BLOCK;
	default:
		return LK_YAML_PLAIN;
	}
}

static void fill_scalar(struct parse *parse, struct lk_yaml_node *node, struct fy_token *token)
{
	size_t length = 0;
	const char *text = token ? fy_token_get_text(token, &length) : NULL;
	const struct fy_mark *end = token ? fy_token_end_mark(token) : NULL;
	node->text = lk_strndup(text ? text : "", text ? length : 0);
	node->style = token ? style_of(token) : LK_YAML_PLAIN;
	if (strlen(node->text) != length || !lk_utf8_valid(node->text, length)) {
		lk_problems_add(parse->problems, parse->file, node->line, node->column,
				"this text holds a NUL character or a broken escape");
		parse->failed = true;
	}
	if (end && node->style == LK_YAML_PLAIN)
		node->comment = comment_follows(parse, offset_of(parse, end->input_pos));
}

static struct lk_yaml_node *add_node(struct parse *parse, enum lk_yaml_kind kind,
				     struct fy_token *token)
{
	const struct lk_yaml_node *flow_parent =
		parse->depth ? parse->open[parse->depth - 1] : NULL;
	struct lk_yaml_node *node = lk_alloc(sizeof *node);
	const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
	node->kind = kind;
	node->flow = flow_parent && flow_parent->flow;
	if (start) {
		node->line = start->line + 1;
		node->column = start->column + 1;
	}
	if (kind == LK_YAML_SCALAR) {
		/* the parser's mark of quoted text is behind its quote */
		if (start && style_of(token) == LK_YAML_QUOTED && node->column > 1)
			node->column--;
		fill_scalar(parse, node, token);
	}
	if (parse->depth) {
		struct lk_yaml_node *parent = parse->open[parse->depth - 1];
		if (node->line == 0 && parent->count) {
			/* an empty value has no token: it is where its key is */
			node->line = parent->members[parent->count - 1]->line;
			node->column = parent->members[parent->count - 1]->column;
		}
		*LK_PUSH(parent->members, parent->count) = node;
	} else {
		lk_yaml_free(parse->root);
		parse->root = node;
	}
	return node;
}

static void complain(struct parse *parse, struct fy_token *token, const char *text)
{
	const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
	problem_at(parse, start ? offset_of(parse, start->input_pos) : 0, text);
}

static void open_node(struct parse *parse, enum lk_yaml_kind kind, struct fy_event *event)
{
	struct fy_token *token = fy_event_get_token(event);
	if (parse->depth == DEEPEST) {
		complain(parse, token, "this is nested too deeply");
		return;
	}
	struct lk_yaml_node *node = add_node(parse, kind, token);
	if (fy_event_get_node_style(event) == FYNS_FLOW)
		node->flow = true;
	parse->open[parse->depth++] = node;
}

/* A key that is itself a collection would make "keys and values by turns" meaningless. */
static bool is_key_place(const struct parse *parse)
{
	const struct lk_yaml_node *parent = parse->depth ? parse->open[parse->depth - 1] : NULL;
	return parent && parent->kind == LK_YAML_MAPPING && parent->count % 2 == 0;
}

static bool refuse_extras(struct parse *parse, struct fy_event *event)
{
	if (event->type == FYET_ALIAS || fy_event_get_anchor_token(event)) {
		struct fy_token *token = event->type == FYET_ALIAS
						 ? fy_event_get_token(event)
						 : fy_event_get_anchor_token(event);
		complain(parse, token,
			 "anchors and aliases (&name, *name) are not taken: write it out");
	} else if (fy_event_get_tag_token(event)) {
		complain(parse, fy_event_get_tag_token(event), "tags (!name) are not taken");
	} else if (event->type != FYET_SCALAR && is_key_place(parse)) {
		complain(parse, fy_event_get_token(event),
			 "a key must be a word: is a value missing its quotes?");
	}
	return parse->failed;
}

static void take_event(struct parse *parse, struct fy_event *event)
{
	switch (event->type) {
	case FYET_DOCUMENT_START:
		if (++parse->documents > 1)
			complain(parse, event->document_start.document_start,
				 "a second document begins here: one file holds one");
		return;
	case FYET_ALIAS:
	case FYET_SCALAR:
	case FYET_MAPPING_START:
	case FYET_SEQUENCE_START:
		if (refuse_extras(parse, event))
			return;
		if (event->type == FYET_SCALAR)
			add_node(parse, LK_YAML_SCALAR, event->scalar.value);
		else
			open_node(parse,
				  event->type == FYET_MAPPING_START ? LK_YAML_MAPPING
								    : LK_YAML_SEQUENCE,
				  event);
		return;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		if (parse->depth > 0)
			parse->depth--;
		return;
	default:
		return;
	}
}

static void report_syntax(struct parse *parse, struct fy_diag *diag)
{
	void *iterator = NULL;
	const struct fy_diag_error *error;
	bool found = false;
	while ((error = fy_diag_errors_iterate(diag, &iterator))) {
		char *message = lk_strdup(error->msg ? error->msg : "it cannot be read");
		message[strcspn(message, "\n")] = '\0';
		lk_problems_add(parse->problems, parse->file, error->line > 0 ? error->line : 1,
				error->column > 0 ? error->column : 1, "not YAML: %s", message);
		free(message);
		found = true;
	}
	if (!found)
		lk_problems_add(parse->problems, parse->file, 0, 0, "not YAML: it cannot be read");
	parse->failed = true;
}

static void run_parser(struct parse *parse)
{
	struct fy_diag_cfg diag_cfg;
	fy_diag_cfg_default(&diag_cfg);
	struct fy_diag *diag = fy_diag_create(&diag_cfg);
	fy_diag_set_collect_errors(diag, true);
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
					    FYPCF_ALLOW_DUPLICATE_KEYS | FYPCF_JSON_NONE |
					    FYPCF_DEFAULT_VERSION_1_2,
				   .diag = diag};
	struct fy_parser *parser = fy_parser_create(&cfg);
	struct fy_event *event;
	if (fy_parser_set_string(parser, parse->text, parse->length) != 0)
		parse->failed = true;
	while (!parse->failed && (event = fy_parser_parse(parser))) {
		take_event(parse, event);
		fy_parser_event_free(parser, event);
	}
	if (fy_parser_get_stream_error(parser) && !parse->failed)
		report_syntax(parse, diag);
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
}

static void mark_places(struct lk_yaml_node *node)
{
	for (size_t i = 0; i < node->count; i++)
		mark_places(node->members[i]);
	if (node->count > 0 && !node->flow) {
		/* a block collection begins where its first member does */
		node->line = node->members[0]->line;
		node->column = node->members[0]->column;
	}
}

struct lk_yaml_node *lk_yaml_parse(const char *file, const char *text, size_t length,
				   struct lk_problems *problems)
{
	struct parse parse = {.file = file, .text = text, .length = length, .problems = problems};
	if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		parse.text += 3; /* a byte order mark, as some editors leave it */
		parse.length -= 3;
	}
	check_bytes(&parse);
	if (!parse.failed)
		run_parser(&parse);
	if (!parse.failed && !parse.root)
		lk_problems_add(problems, file, 0, 0, "the file is empty");
	if (!parse.failed && parse.root) {
		mark_places(parse.root);
		return parse.root;
	}
	lk_yaml_free(parse.root);
	return NULL;
}
