/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements of MariaDB and MySQL with bodies that are hard to tell the end of; each is one statement. */
#ifndef LK_TESTS_MY_BODIES_H
#define LK_TESTS_MY_BODIES_H

#define MY_ROW "BEFORE INSERT ON bodied FOR EACH ROW "
#define MY_EVENT "ON SCHEDULE EVERY 1 YEAR DISABLE DO "

/* What undoes it, and it. The table is bodied (id int PRIMARY KEY, a int, `end` int, t varchar(40)). */
static const struct my_body {
	const char *undo, *sql;
} my_bodies[] = {
	{"DROP TRIGGER b", "CREATE TRIGGER b " MY_ROW "SET NEW.a = 1"},
	{"DROP TRIGGER b", "CREATE TRIGGER b " MY_ROW "BEGIN END"},
	{"DROP TRIGGER b",
	 "create definer = root@localhost trigger b " MY_ROW "begin set new.a = 1; end"},
	{"DROP TRIGGER b",
	 "CREATE TRIGGER b " MY_ROW
	 "IF NEW.a = 1 THEN SET NEW.a = 2; SET NEW.t = 'x;'; ELSEIF NEW.a = 3 THEN"
	 " SET NEW.a = 4; ELSE SET NEW.a = 5; END IF"},
	{"DROP TRIGGER b",
	 "CREATE TRIGGER b " MY_ROW
	 "BEGIN /* END; */ IF (NEW.a) THEN SET NEW.a = IF(NEW.a > 1, 2, 3); END IF;"
	 " SET NEW.end = CASE WHEN NEW.end > 1 THEN 2 ELSE IF(1, 2, 3) END; END"},
	{"DROP TRIGGER b", "CREATE TRIGGER b " MY_ROW
			   "BEGIN SET NEW.t = REPEAT('x', 3), NEW.a = 1; IF CASE NEW.a WHEN 1"
			   " THEN 1 ELSE 0 END THEN BEGIN SET NEW.a = 2; END; END IF; END"},
	{"DROP TRIGGER b", "CREATE TRIGGER b " MY_ROW
			   "CASE NEW.a WHEN 1 THEN SET NEW.a = 2; ELSE BEGIN END; END CASE"},
	{"DROP TRIGGER b",
	 "CREATE TRIGGER b " MY_ROW "FOLLOWS `first;` BEGIN # it's\nSET NEW.`end` = 1; END"},
	{"DROP PROCEDURE b",
	 "CREATE PROCEDURE b(IN n int, OUT m int) COMMENT 'begin;' READS SQL DATA BEGIN"
	 " DECLARE done int DEFAULT 0; DECLARE c CURSOR FOR SELECT id FROM bodied;"
	 " DECLARE CONTINUE HANDLER FOR NOT FOUND SET done = IF(done, 1, 2);"
	 " DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN SET m = 1; RESIGNAL; END;"
	 " OPEN c; rows_: LOOP FETCH c INTO m; IF done THEN LEAVE rows_; END IF;"
	 " END LOOP rows_; CLOSE c; END"},
	{"DROP PROCEDURE b",
	 "CREATE PROCEDURE b() outer_: BEGIN DECLARE i int DEFAULT 0; WHILE i < 3 DO SET"
	 " i = i + 1; DO SLEEP(0); END WHILE; REPEAT SET i = i - 1; UNTIL i < 1 END"
	 " REPEAT; CASE WHEN i = 1 THEN SET i = 2; WHEN i = 2 THEN SELECT 1; ELSE"
	 " LEAVE outer_; END CASE; END outer_"},
	{"DROP PROCEDURE b", "CREATE PROCEDURE IF NOT EXISTS b() IF 1 THEN SELECT 1; END IF"},
	{"DROP FUNCTION b",
	 "CREATE FUNCTION b(n int) RETURNS int DETERMINISTIC NO SQL RETURN IF(n, CASE n"
	 " WHEN 1 THEN 2 END, 3)"},
	{"DROP FUNCTION b",
	 "CREATE FUNCTION b(s varchar(9)) RETURNS set('a','b') DETERMINISTIC BEGIN"
	 " RETURN 'a'; END"},
	{"DROP EVENT b", "CREATE EVENT b " MY_EVENT "UPDATE bodied SET a = 1"},
	{"DROP EVENT b",
	 "CREATE EVENT b " MY_EVENT "BEGIN UPDATE bodied SET a = 1; DO SLEEP(0); END"},
};

#endif
