-- What the logs in this folder were recorded from, in the database "test" (utf8mb4), with GTIDs, binlog_format = ROW and
-- binlog_row_metadata = FULL. A line with a server's comment is carried out by that server alone:
--	FLUSH BINARY LOGS; SOURCE record.sql; FLUSH BINARY LOGS; then the log between
SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', character_set_client = utf8mb4;
SET timestamp = 1700000000;
CREATE TABLE kinds (
	ye year, b1 bit(1), ti tinyint, tu tinyint unsigned, si smallint, su smallint unsigned, mi mediumint, mu mediumint unsigned,
	ii int, iu int unsigned, bi bigint, bu bigint unsigned,
	de decimal(20,6), df decimal(65,30), dg decimal(9,9), dh decimal(10,0) unsigned,
	ch char(10), cl char(5) CHARACTER SET latin1, cw char(255), va varchar(20), vw varchar(300), vu varchar(9) CHARACTER SET utf16,
	bn binary(4), vb varbinary(16),
	da date, t0 time, t2 time(2), t3 time(3), t6 time(6), d0 datetime, d1 datetime(1), d6 datetime(6),
	s0 timestamp NULL, s4 timestamp(4) NULL, s6 timestamp(6) NULL,
	en enum('a','b','it''s'), st set('x','y','z'), b9 bit(9), b64 bit(64),
	js json, tx text, lb longblob, fl float, db double, id int PRIMARY KEY);
INSERT INTO kinds VALUES
	(0, 0, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0,
	 -99999999999999.999999, -99999999999999999999999999999999999.999999999999999999999999999999, -0.999999999, 0,
	 '', '', '', '', '', '', '', '',
	 '0000-00-00', '-838:59:59', '-838:59:58.99', '-00:00:00.001', '-838:59:58.999999', '0000-00-00', '0000-00-00', '0000-00-00',
	 '0000-00-00', '0000-00-00', '0000-00-00', 'a', '', 0, 0, '{"a": [1, 2.5, "x"]}', '', '', -1.5, -1e300, 1),
	(2155, 1, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615,
	 99999999999999.999999, 99999999999999999999999999999999999.999999999999999999999999999999, 0.999999999, 9999999999,
	 'ünï ', 'ö', REPEAT('ß', 255), 'a''b\\c', REPEAT('x', 300), 'Ω', 'ab\0\0', 'cd\0\0',
	 '9999-12-31', '838:59:59', '838:59:58.99', '838:59:58.999', '838:59:58.999999', '9999-12-31 23:59:59',
	 '9999-12-31 23:59:59.9', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', '2038-01-19 03:14:07.9999',
	 '2038-01-19 03:14:07.999999', 'it''s', 'x,y,z', 511, 18446744073709551615,
	 '[]', REPEAT('t', 300), REPEAT('b', 700), 1.5, 1e300, 2),
	(1901, 0, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -0.000001, 0.000000000000000000000000000001, 0, 1,
	 'a', 'a', 'a', 'a', 'a', 'a', '\0\0\0\0', '\0',
	 '2024-02-31', '-00:00:01', '-00:00:00.01', '-01:00:00.001', '-00:00:00.000001', '2024-02-29 12:34:56',
	 '1000-01-01 00:00:00.1', '2024-02-29 12:34:56.123456', '1970-01-01 00:00:01', '2000-02-29 23:59:59.0001',
	 '1999-12-31 23:59:59.000001', 'b', 'y', 256, 1, NULL, NULL, NULL, NULL, NULL, 3),
	(2000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ' ', ' a', ' ', ' ', ' ', ' ', 'a\0b', '\0\0a',
	 '2024-00-00', '00:00:00', '00:00:00', '00:00:00', '00:00:00', '2024-00-00', '2024-00-00', '2024-00-00 01:02:03.000004',
	 '2024-03-01', '2100-03-01' - INTERVAL 90 YEAR, '2000-03-01', 0, 0, 0, 9223372036854775808, NULL, NULL, NULL, NULL, NULL, 4);
CREATE TABLE pair (b varchar(20) NOT NULL, v int, js json, a int unsigned NOT NULL, w text, u int NOT NULL DEFAULT 7, PRIMARY KEY (a, b), UNIQUE (u));
INSERT INTO pair (a, b, v, u) VALUES (1, 'one', 1, 1), (2, 'two', 2, 2), (3, 'three', 3, 3);
UPDATE pair SET v = v + 1;
UPDATE pair SET b = 'TWO' WHERE a = 2;
UPDATE pair SET a = 4000000000 WHERE a = 3;
DELETE FROM pair WHERE a = 1;
SET binlog_row_image = MINIMAL;
INSERT INTO pair (a, b, v, u) VALUES (5, 'five', 1, 5);
UPDATE pair SET v = 9 WHERE a = 5;
UPDATE pair SET b = 'FIVE' WHERE a = 5;
DELETE FROM pair WHERE a = 5;
SET binlog_row_image = NOBLOB;
INSERT INTO pair (a, b, v, w, u) VALUES (6, 'six', 1, 'text', 6);
UPDATE pair SET v = 9 WHERE a = 6;
DELETE FROM pair WHERE a = 6;
SET binlog_row_image = FULL;
BEGIN;
INSERT INTO pair (a, b, u) VALUES (10, 'ten', 10);
SAVEPOINT s;
INSERT INTO pair (a, b, u) VALUES (11, 'eleven', 11);
ROLLBACK TO s;
INSERT INTO pair (a, b, u) VALUES (12, 'twelve', 12);
COMMIT;
XA START 'x', 'b', 5; INSERT INTO pair (a, b, u) VALUES (20, 'xa', 20); XA END 'x', 'b', 5; XA PREPARE 'x', 'b', 5; XA COMMIT 'x', 'b', 5;
XA START 'y'; INSERT INTO pair (a, b, u) VALUES (21, 'xa', 21); XA END 'y'; XA PREPARE 'y'; XA ROLLBACK 'y';
XA START 'z'; INSERT INTO pair (a, b, u) VALUES (22, 'xa', 22); XA END 'z'; XA COMMIT 'z' ONE PHASE;
SET binlog_format = STATEMENT;
UPDATE pair SET v = 77 WHERE a = 2;
SET binlog_format = ROW;
CREATE TABLE plain (n int PRIMARY KEY) ENGINE = MyISAM;
INSERT INTO plain VALUES (1), (2);
/*M!100000 SET GLOBAL log_bin_compress_min_len = 10 */;
/*M!100000 SET GLOBAL log_bin_compress = 1 */;
/*!80020 SET binlog_transaction_compression = ON */;
/*!80020 SET binlog_row_value_options = PARTIAL_JSON */;
INSERT INTO pair (a, b, v, w, js, u) VALUES (30, 'packed', 1, REPEAT('text', 200), '{"k": 1, "l": [1, 2, 3, 4, 5, 6, 7, 8, 9]}', 30), (31, 'packed too', 2, REPEAT('text', 200), NULL, 31);
UPDATE pair SET js = JSON_SET(js, '$.k', 2), v = 5 WHERE a = 30;
UPDATE pair SET w = CONCAT(w, 'x') WHERE a = 31;
DELETE FROM pair WHERE a IN (30, 31);
CREATE TABLE later (n int PRIMARY KEY, some_text_that_is_long_enough varchar(100) DEFAULT 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx');
/*!80020 SET binlog_transaction_compression = OFF */;
INSERT INTO pair (a, b, v, w, js, u) VALUES (40, 'part', 1, 'w', '{"k": 1, "l": [1, 2, 3, 4, 5, 6, 7, 8, 9]}', 40);
UPDATE pair SET js = JSON_SET(js, '$.k', 3) WHERE a = 40;
/*!80020 SET binlog_row_value_options = '' */;
/*M!100000 SET GLOBAL log_bin_compress = 0 */;
/*M!100000 SET GLOBAL log_bin_compress_min_len = 256 */;
/*!80300 SET gtid_next = 'AUTOMATIC:some_tag' */;
DELETE FROM pair WHERE a = 40;
/*!80300 SET gtid_next = 'AUTOMATIC' */;
CREATE TABLE copied AS SELECT a, b FROM pair;
TRUNCATE TABLE pair;
DROP TABLE kinds, pair, plain, later, copied;
