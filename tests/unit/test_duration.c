/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/support.h"

#include "base/duration.h"
#include "base/memory.h"

static void reads_what_people_write(void **state)
{
	static const struct {
		const char *text;
		int64_t milliseconds;
	} good[] = {{"100ms", 100}, {"2s", 2000},      {"2 s", 2000},
		    {"1.5s", 1500}, {"0.001s", 1},     {"5min", 300000},
		    {"5m", 300000}, {"24h", 86400000}, {"2d", 172800000},
		    {"0ms", 0},	    {"0.5h", 1800000}, {"36500d", 3153600000000}};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(good); i++) {
		int64_t value = -1;
		if (!lk_duration_parse(good[i].text, &value))
			fail_msg("%s is not read", good[i].text);
		assert_int_equal(value, good[i].milliseconds);
	}
}

static void refuses_everything_else(void **state)
{
	static const char *const bad[] = {"",
					  "5",
					  "ms",
					  "-5s",
					  "+5s",
					  "5 seconds",
					  "5  s",
					  "1.s",
					  ".5s",
					  "1.2345s",
					  "0.1ms",
					  "1e3s",
					  "5s ",
					  " 5s",
					  "5S",
					  "99999999999999999999s",
					  "9999999999999d",
					  "1,5s",
					  "5ss",
					  "0x5s"};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(bad); i++) {
		int64_t value = 77;
		if (lk_duration_parse(bad[i], &value))
			fail_msg("\"%s\" is read as %ld", bad[i], (long)value);
		assert_int_equal(value, 77);
	}
}

static void writes_the_shortest_form(void **state)
{
	static const struct {
		int64_t milliseconds;
		const char *text;
	} forms[] = {{0, "0ms"},      {1, "1ms"},	 {100, "100ms"},    {1000, "1s"},
		     {1500, "1.5s"},  {1001, "1.001s"},	 {60000, "1min"},   {90000, "90s"},
		     {3600000, "1h"}, {86400000, "24h"}, {259200000, "3d"}, {61001, "61001ms"}};
	(void)state;
	for (size_t i = 0; i < LK_COUNT(forms); i++) {
		char text[24];
		lk_duration_format(forms[i].milliseconds, text, sizeof text);
		assert_string_equal(text, forms[i].text);
	}
}

static void reads_back_what_it_writes(void **state)
{
	struct test_random random = {20261122};
	(void)state;
	for (int i = 0; i < 2000; i++) {
		int64_t written = (int64_t)test_random(&random, 1u << 30) * (1 + i % 50),
			value = -1;
		char text[24];
		lk_duration_format(written, text, sizeof text);
		assert_true(lk_duration_parse(text, &value));
		assert_int_equal(value, written);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_people_write),
		cmocka_unit_test(refuses_everything_else),
		cmocka_unit_test(writes_the_shortest_form),
		cmocka_unit_test(reads_back_what_it_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
