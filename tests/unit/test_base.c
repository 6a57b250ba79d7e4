/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small things that everything stands on. */
#include "tests/unit/support.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/path.h"
#include "base/port.h"
#include "base/queue.h"
#include "base/utf8.h"

static void errors_carry_class_and_sentence(void **state)
{
	struct lk_error error = {0};
	char long_text[3000];
	(void)state;
	assert_false(lk_fail(&error, LK_ERROR_REFUSED, "table %s is odd\n", "users"));
	assert_int_equal(error.class, LK_ERROR_REFUSED);
	assert_string_equal(error.text, "table users is odd");
	assert_false(lk_fail_context(&error, "step %d", 3));
	assert_string_equal(error.text, "step 3: table users is odd");
	assert_false(lk_fail_errno(&error, ENOENT, "/x"));
	assert_int_equal(error.class, LK_ERROR_SYSTEM);
	assert_string_equal(error.text, "/x: No such file or directory");
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	lk_fail(&error, LK_ERROR_LOST, "%s", long_text);
	lk_fail_context(&error, "%s", long_text);
	assert_true(strlen(error.text) < sizeof error.text);
	lk_error_clear(&error);
	assert_int_equal(error.class, LK_NO_ERROR);
	assert_string_equal(error.text, "");
	assert_string_equal(lk_error_class_name(LK_ERROR_RETRY), "retry");
}

static void buffers_grow(void **state)
{
	struct lk_buffer buffer = {0};
	(void)state;
	assert_string_equal(lk_buffer_text(&buffer), "");
	for (int i = 0; i < 1000; i++)
		lk_buffer_addf(&buffer, "%d,", i);
	assert_int_equal(buffer.length, 10 * 2 + 90 * 3 + 900 * 4);
	assert_contains(lk_buffer_text(&buffer), "998,999,");
	lk_buffer_reset(&buffer);
	lk_buffer_add_bytes(&buffer, "a\0b", 3);
	assert_int_equal(buffer.length, 3);
	char *text = lk_buffer_take(&buffer);
	assert_memory_equal(text, "a\0b", 4);
	assert_null(buffer.text);
	free(text);
	text = lk_buffer_take(&buffer);
	assert_string_equal(text, "");
	free(text);
	lk_buffer_free(&buffer);
}

static void arrays_grow_zeroed(void **state)
{
	struct item {
		int a, b;
	} *list = NULL;
	size_t count = 0;
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct item *item = LK_PUSH(list, count);
		assert_int_equal(item->a, 0);
		assert_int_equal(item->b, 0);
		item->a = i;
		item->b = -1;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(list[i].a, i);
	free(list);
}

static void copies_end_at_a_character(void **state)
{
	char five[5];
	(void)state;
	LK_COPY(five, "abcd");
	assert_string_equal(five, "abcd");
	LK_COPY(five, "abcdé");
	assert_string_equal(five, "abcd");
	LK_COPY(five, "abcé");
	assert_string_equal(five, "abc");
	LK_COPY(five, "漢字");
	assert_string_equal(five, "漢");
	lk_copy_text(five, sizeof five, NULL);
	assert_string_equal(five, "");
}

static void utf8_is_strict(void **state)
{
	static const char *const bad[] = {
		"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xc3", "\xe2\x82", "\xff"};
	(void)state;
	assert_true(lk_utf8_valid("aé漢\xf0\x9f\x98\x80", 10));
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		uint32_t character = 0;
		assert_false(lk_utf8_valid(bad[i], strlen(bad[i])));
		assert_int_equal(lk_utf8_decode(bad[i], strlen(bad[i]), &character), 1);
		assert_int_equal(character, 0xFFFD);
	}
	for (uint32_t c = 1; c < 0x110000; c += 1 + c / 97) {
		char bytes[4];
		uint32_t back;
		if (c >= 0xD800 && c < 0xE000)
			continue;
		size_t length = lk_utf8_encode(c, bytes);
		assert_int_equal(lk_utf8_decode(bytes, length, &back), length);
		assert_int_equal(back, c);
	}
	char *mended = lk_utf8_repair("a\xff"
				      "b");
	assert_string_equal(mended, "a\xef\xbf\xbd"
				    "b");
	free(mended);
}

static void folders_and_files(void **state)
{
	char folder[] = "/tmp/lockkeeper-test-XXXXXX";
	struct lk_error error = {0};
	size_t length;
	(void)state;
	assert_non_null(mkdtemp(folder));
	char *deep = lk_format("%s/a/b/c", folder), *file = lk_format("%s/file", deep);
	char *outside = lk_format("%s/outside", folder), *link = lk_format("%s/link", deep);
	assert_true(lk_path_make(deep, 0700, &error));
	assert_true(lk_path_make(deep, 0700, &error));
	assert_true(lk_path_write(file, "one", 3, &error));
	assert_true(lk_path_write(file, "three", 5, &error));
	char *text = lk_path_read(file, 100, &length, &error);
	assert_string_equal(text, "three");
	assert_int_equal(length, 5);
	free(text);
	assert_null(lk_path_read(file, 4, &length, &error));
	assert_null(lk_path_read(folder, 4, &length, &error));

	/* removing a tree must not follow a link out of it */
	assert_true(lk_path_make(outside, 0700, &error));
	assert_int_equal(symlink(outside, link), 0);
	char *a = lk_format("%s/a", folder);
	assert_true(lk_path_remove_tree(a, &error));
	assert_int_equal(access(a, F_OK), -1);
	assert_int_equal(access(outside, F_OK), 0);
	assert_true(lk_path_remove_tree(folder, &error));
	free(a);
	free(link);
	free(outside);
	free(file);
	free(deep);
}

static void socket_folders_are_private(void **state)
{
	char folder[] = "/tmp/lockkeeper-test-XXXXXX";
	struct lk_error error = {0};
	struct stat info;
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(setenv("XDG_STATE_HOME", folder, 1), 0);
	char *sockets = lk_path_sockets(&error);
	assert_non_null(sockets);
	assert_int_equal(stat(sockets, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	assert_contains(sockets, folder);
	assert_int_equal(chmod(sockets, 0777), 0);
	free(sockets);
	sockets = lk_path_sockets(&error); /* closed again */
	assert_int_equal(stat(sockets, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
	free(sockets);
	char *long_home = lk_format("%s/%0120d", folder, 7);
	assert_int_equal(setenv("XDG_STATE_HOME", long_home, 1), 0);
	sockets = lk_path_sockets(&error);
	assert_non_null(sockets);
	assert_true(strlen(sockets) < 60);
	free(sockets);
	free(long_home);
	assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0);
	char *path = lk_path_state();
	assert_int_equal(path[0], '/');
	free(path);
	assert_true(lk_path_remove_tree(folder, &error));
}

enum { ITEMS = 5000, PRODUCERS = 3 };

static void *produce(void *context)
{
	for (size_t i = 1; i <= ITEMS; i++)
		if (!lk_queue_push(context, lk_format("%zu", i)))
			return context;
	return NULL;
}

static void queues_lose_nothing(void **state)
{
	struct lk_queue *queue = lk_queue_new(16, NULL, NULL);
	pthread_t producers[PRODUCERS];
	size_t count = 0;
	(void)state;
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&producers[i], NULL, produce, queue), 0);
	while (count < ITEMS * PRODUCERS) {
		char *item = lk_queue_pop(queue, lk_clock_us() + 10000000);
		assert_non_null(item);
		free(item);
		count++;
	}
	for (int i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_join(producers[i], NULL), 0);
	assert_null(lk_queue_try_pop(queue));
	int64_t before = lk_clock_us();
	assert_null(lk_queue_pop(queue, before + 20000));
	assert_true(lk_clock_us() - before >= 20000);
	lk_queue_close(queue);
	assert_true(lk_queue_closed(queue));
	assert_false(lk_queue_push(queue, &count));
	assert_null(lk_queue_pop(queue, lk_clock_us() + 10000000)); /* at once */
	lk_queue_free(queue);
}

static void times_are_written_in_utc(void **state)
{
	char text[32];
	(void)state;
	lk_wall_format(INT64_C(1795356451204), text, sizeof text);
	assert_string_equal(text, "2026-11-22T14:07:31.204Z");
	int64_t a = lk_clock_us(), b = lk_clock_us();
	assert_true(b >= a);
}

/* A socket that is bound to a port, with the option that servers set or without it; -1 when it is refused. */
static int bound(int port, int reuse)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				      .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

/* A server may listen on it, go and come again; nobody else is given it meanwhile. */
static void a_port_is_kept_for_its_server(void **state)
{
	struct lk_error error = {0};
	int port, other;
	(void)state;
	int held = lk_port_reserve(&port, &error), held_too = lk_port_reserve(&other, &error);
	assert_true(held >= 0 && held_too >= 0);
	assert_int_not_equal(port, other);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bound(port, 0), -1);
		int server = bound(port, 1);
		assert_true(server >= 0);
		assert_int_equal(listen(server, 1), 0);
		close(server);
	}
	close(held);
	close(held_too);
	int anybody = bound(port, 0);
	assert_true(anybody >= 0);
	close(anybody);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_carry_class_and_sentence),
		cmocka_unit_test(buffers_grow),
		cmocka_unit_test(arrays_grow_zeroed),
		cmocka_unit_test(copies_end_at_a_character),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(folders_and_files),
		cmocka_unit_test(socket_folders_are_private),
		cmocka_unit_test(queues_lose_nothing),
		cmocka_unit_test(times_are_written_in_utc),
		cmocka_unit_test(a_port_is_kept_for_its_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
