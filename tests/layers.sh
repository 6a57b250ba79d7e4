#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Compares every #include of src and ui with tests/layers.txt; each one that is not allowed is a line of
# output and a failure. So is each line that asks which engine it has to do with, or uses what belongs to one,
# outside the files of that engine (pg_*, my_*): those stand in tables of operations. First it tries itself on a
# small tree with wrong ones.
set -eu
LC_ALL=C
export LC_ALL

check() {
	(cd "$1" && find src ui -name '*.[ch]' -type f -exec grep -Hn '^[[:blank:]]*#[[:blank:]]*include' {} +) |
		awk -v rules="$2" '
	BEGIN {
		while ((getline line < rules) > 0) {
			sub(/#.*/, "", line)
			if (line !~ /:/)
				continue
			name = line; sub(/:.*/, "", name)
			list = line; sub(/^[^:]*:/, "", list)
			if (sub(/^library +/, "", name))
				library[name] = list
			else
				allowed[name] = " " list " "
		}
	}
	function folder_of(path) {
		if (path ~ /^ui\//)
			return "ui"
		if (path == "src/main.c")
			return "main"
		sub(/^src\//, "", path)
		sub(/\/.*/, "", path)
		return path
	}
	function refuse(why) {
		printf "%s:%s: %s includes %s: %s\n", file, number, from, header, why
		bad = 1
	}
	function check_library(name, list, i, n, places) {
		n = split(list, places, " ")
		for (i = 1; i <= n; i++)
			if (index(file, places[i]) == 1)
				return
		refuse("only" list " may")
	}
	{
		file = $0; sub(/:.*/, "", file)
		number = $0; sub(/^[^:]*:/, "", number); sub(/:.*/, "", number)
		header = $0; sub(/^[^<"]*[<"]/, "", header); sub(/[>"].*/, "", header)
		from = folder_of(file)
		lines++
		for (name in library)
			if (header == name || (name ~ /\/$/ && index(header, name) == 1))
				check_library(name, library[name])
		if ($0 !~ /"/ || header == "config.h")
			next
		if (!(from in allowed)) {
			refuse("the folder is not in tests/layers.txt")
			next
		}
		if (header !~ /\//) {
			refuse("write the folder: \"folder/header.h\"")
			next
		}
		to = header; sub(/\/.*/, "", to)
		if (to == from || index(allowed[from], " " to " ") || index(allowed[from], " " header " "))
			next
		refuse("not allowed by tests/layers.txt")
	}
	END {
		if (lines < 1) {
			print "no source was found"
			bad = 1
		}
		exit bad
	}'
}

# The engine of a line's file, and that of what the line includes, calls or compares with.
engines() {
	(cd "$1" && find src ui -name '*.[ch]' -type f -exec grep -HnE '/(pg|my)_|lk_(pg|my)_|LK_ENGINE_|engine' {} +) |
		awk '
	function refuse(why) {
		print file ":" number ": " why ": " text
		bad = 1
	}
	{
		file = $0; sub(/:.*/, "", file)
		number = $0; sub(/^[^:]*:/, "", number); sub(/:.*/, "", number)
		text = $0; sub(/^[^:]*:[^:]*:[[:blank:]]*/, "", text)
		if (text ~ /^(\/\*|\*|\/\/)/)
			next
		own = file ~ /\/pg_[^\/]*$/ ? "pg" : file ~ /\/my_[^\/]*$/ ? "my" : ""
		if (text ~ /^#[[:blank:]]*include.*\/(pg|my)_/) {
			if (own == "" || text !~ ("/" own "_"))
				refuse("includes a header of one engine")
		} else if (own != "pg" && text ~ /(^|[^a-z_])lk_pg_[a-z_]+\(/ || own != "my" && text ~ /(^|[^a-z_])lk_my_[a-z_]+\(/) {
			refuse("calls a function of one engine")
		} else if (own == "" && (text ~ /(==|!=) *&?(LK_ENGINE_|lk_(pg|my)_)/ ||
			   text ~ /LK_ENGINE_[A-Z]+ *(==|!=)/ || text ~ /case LK_ENGINE_/ ||
			   text ~ /switch *\(.*engine/)) {
			refuse("asks for the engine")
		}
	}
	END { exit bad }'
}

# A tree with one right include and seven wrong lines, four of folders and three of engines.
self_test() {
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	mkdir -p "$folder/src/base" "$folder/src/plan" "$folder/src/odd" "$folder/ui/view"
	echo '#include "base/error.h"' >"$folder/src/plan/good.c"
	echo '#include "plan/model.h"' >"$folder/src/base/bad.c"
	echo '#include <libpq-fe.h>' >"$folder/src/plan/bad.c"
	echo '#include <curses.h>' >"$folder/ui/view/bad.c"
	echo '#include "base/error.h"' >"$folder/src/odd/bad.c"
	if found=$(check "$folder" "$1"); then
		echo "layers.sh: wrong includes are not found"
		return 1
	fi
	if [ "$(echo "$found" | wc -l)" -ne 4 ] || echo "$found" | grep -q good; then
		echo "layers.sh: expected four findings, got:"
		echo "$found"
		return 1
	fi
	echo '	[LK_ENGINE_MYSQL] = &lk_my_watch,' >"$folder/src/plan/good.c"
	echo '	if (lk_my_install(session))' >"$folder/src/plan/my_good.c"
	echo '	if (lk_my_install(session))' >"$folder/src/plan/pg_bad.c"
	echo '	return driver->engine == LK_ENGINE_MYSQL;' >"$folder/src/plan/bad.c"
	echo '#include "db/pg_error.h"' >"$folder/ui/view/bad.c"
	if found=$(engines "$folder"); then
		echo "layers.sh: what asks for the engine is not found"
		return 1
	fi
	if [ "$(echo "$found" | wc -l)" -ne 3 ] || echo "$found" | grep -q good; then
		echo "layers.sh: expected three findings about engines, got:"
		echo "$found"
		return 1
	fi
}

source_folder=$(cd "${srcdir:-.}" && pwd)
self_test "$source_folder/tests/layers.txt"
check "$source_folder" "$source_folder/tests/layers.txt"
engines "$source_folder"
