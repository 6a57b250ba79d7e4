#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# MySQL and PostgreSQL of Debian's unstable release ("sid"), for tests on servers that this system does not
# have: its packages unpacked into a folder, nothing installed. Neither root nor chroot is needed.
#
#   tests/server/sid.sh          makes the folder if it is not there yet, and prints its path
#   tests/server/sid.sh path     prints the path alone; the status tells whether the folder is ready
#
# In the folder:
#   bin/mysqld                      the server, told where its files are; --no-defaults is implied
#   bin/mysql, mysqladmin, mysqldump
#   usr/lib/postgresql/18/bin/…     all programs of PostgreSQL, good for LOCKKEEPER_PG_BINDIR
#   usr/include/mysql               the headers of Oracle's libmysqlclient
#   versions                        what it holds, a package a line
#
# It stays for the next time. Remove it to get newer versions.
#
# LOCKKEEPER_SID          where it is, if not in the user's cache folder. For root that is below /var/cache:
#                         servers run as another user, who cannot enter root's own folders.
# LOCKKEEPER_SID_SECONDS  how long making it may take at most (600)
set -eu
umask 022

WANTED="mysql-server-core mysql-client-core libmysqlclient-dev postgresql-18"
# What installing those would want, and running them does not.
LEFT_OUT="perl perl-.* libperl.* lib.*-perl systemd libsystemd-shared locales libc-l10n passwd adduser procps ucf
	debconf base-passwd login.defs netbase sysvinit-utils sensible-utils tzdata ssl-cert
	linux-libc-dev libc-dev-bin libc6-dev libssl-dev libzstd-dev zlib1g-dev"
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
PROGRAMS=usr/lib/postgresql/18
seconds=${LOCKKEEPER_SID_SECONDS:-600}

if [ -n "${LOCKKEEPER_SID:-}" ]; then
	folder=$LOCKKEEPER_SID
elif [ "$(id -u)" = 0 ]; then
	folder=/var/cache/lockkeeper/sid
else
	folder=${XDG_CACHE_HOME:-$HOME/.cache}/lockkeeper/sid
fi

die()
{
	echo "sid: $*" >&2
	exit 1
}

last_words()
{
	grep -v '^$' "$folder/log" | tail -n 1
}

# The mirror that this system's own packages come from, in either of the two formats of apt's sources.
mirror()
{
	cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
		sed -n -e 's/^URIs: *\([^ ]*\).*/\1/p' -e 's/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' |
		grep -v security | head -n 1
}

# apt with lists, state and packages of its own: it neither reads nor changes what this system has. Sid's
# list is past its Valid-Until whenever the mirror lags; its signature is checked.
configure_apt()
{
	from=$(mirror)
	[ -n "$from" ] || die "apt's sources name no Debian mirror to fetch the unstable release from"
	mkdir -p apt/lists/partial apt/archives/partial apt/debs
	: >apt/status
	echo "deb [signed-by=$KEYRING check-valid-until=no] $from sid main" >apt/sources.list
	cat >apt/apt.conf <<-END
	Dir::State "$folder/apt";
	Dir::State::status "$folder/apt/status";
	Dir::Cache "$folder/apt";
	Dir::Etc::sourcelist "$folder/apt/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	APT::Install-Recommends "false";
	APT::Sandbox::User "";
	Acquire::Languages "none";
	Acquire::Retries "2";
	Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
	END
	export APT_CONFIG="$folder/apt/apt.conf"
}

download()
{
	apt-get -q update >log 2>&1 && ! grep -q '^[EW]:' log ||
		die "the list of Debian's unstable release cannot be fetched: $(last_words)"
	pattern=$(echo "$LEFT_OUT" | tr -s ' \t\n' '|')
	# shellcheck disable=SC2086
	packages=$(apt-get -q -s install $WANTED 2>>log | sed -n 's/^Inst \([^ ]*\) .*/\1/p' |
		grep -Evx "($pattern)") || die "apt finds no way to install $WANTED: $(last_words)"
	# shellcheck disable=SC2086
	(cd apt/debs && apt-get -q download $packages) >>log 2>&1 ||
		die "the packages of Debian's unstable release cannot be fetched: $(last_words)"
}

# Newer releases keep everything below /usr; no package brings the links that say so.
unpack()
{
	for name in bin sbin lib lib64; do
		mkdir -p usr/$name
		[ $name = bin ] || ln -s usr/$name $name
	done
	for package in apt/debs/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x --no-same-owner --keep-directory-symlink \
			--exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale \
			--exclude=./usr/share/bug --exclude=./bin --exclude=./var --exclude=./etc ||
			die "$package cannot be unpacked"
	done
}

# wrapper FILE PROGRAM [ARGUMENTS]: a script that starts the program by its own system's loader and C library,
# both of which may be newer than ours. What it starts sees the script's name as its own, because PostgreSQL's
# programs look for each other beside themselves; exec leaves the process's number what it was.
wrapper()
{
	loader=$(find usr/lib64 usr/lib -maxdepth 1 -name 'ld-linux*.so.*' | head -n 1)
	libraries=$(dirname "$(find usr/lib -mindepth 2 -maxdepth 2 -name libc.so.6)")
	[ -n "$loader" ] && [ -e "$2" ] || die "the packages hold no $2"
	file=$1 program=$2
	shift 2
	cat >"$file" <<-END
	#!/bin/sh
	[ "\${1:-}" != --no-defaults ] || shift
	exec "$folder/$loader" --argv0 "\$0" --library-path "$folder/$libraries:$folder/usr/lib/mysql/private" \\
		"$folder/$program" $* "\$@"
	END
	chmod 755 "$file"
}

write_wrappers()
{
	mkdir bin
	wrapper bin/mysqld usr/sbin/mysqld --no-defaults "'--basedir=$folder/usr'" \
		"'--lc-messages-dir=$folder/usr/share/mysql'" "'--plugin-dir=$folder/usr/lib/mysql/plugin'" \
		"'--character-sets-dir=$folder/usr/share/mysql/charsets'" --secure-file-priv=
	for name in mysql mysqladmin mysqldump; do
		wrapper bin/$name usr/bin/$name --no-defaults
	done
	mv $PROGRAMS/bin $PROGRAMS/programs
	mkdir $PROGRAMS/bin
	for program in $PROGRAMS/programs/*; do
		wrapper "$PROGRAMS/bin/${program##*/}" "$program"
	done
}

# A folder without `versions` is one that was not finished, and is made again. Only what this script made is
# ever removed.
make_folder()
{
	cd "$folder"
	if [ -e .lockkeeper ]; then
		find . -mindepth 1 -maxdepth 1 ! -name .lockkeeper -exec rm -rf {} +
	elif [ -n "$(ls -A)" ]; then
		die "$folder is not empty, and not of this script's making"
	fi
	: >.lockkeeper
	configure_apt
	download
	unpack
	write_wrappers
	for program in bin/mysqld $PROGRAMS/bin/postgres; do
		$program --version >>log 2>&1 || die "$program does not run here: $(last_words)"
	done
	for package in apt/debs/*.deb; do
		dpkg-deb -W --showformat='${Package} ${Version}\n' "$package"
	done >apt/versions
	mv apt/versions versions
	rm -rf apt
}

case ${1:-make} in
path)
	echo "$folder"
	[ -e "$folder/versions" ]
	;;
make)
	if [ ! -e "$folder/versions" ]; then
		status=0
		timeout "$seconds" "$0" locked </dev/null || status=$?
		[ $status != 124 ] || die "the folder was not ready after $seconds s"
		[ $status = 0 ] || exit $status
	fi
	echo "$folder"
	;;
locked) # by itself, within the time it may take
	for tool in apt-get dpkg-deb flock; do
		command -v $tool >/dev/null || die "$tool is needed to unpack packages of Debian's unstable release"
	done
	[ -e $KEYRING ] || die "$KEYRING is needed to know Debian's packages (package debian-archive-keyring)"
	mkdir -p "$folder" || die "the folder $folder cannot be made"
	exec 9>"$folder.lock"
	flock 9
	[ -e "$folder/versions" ] || make_folder
	;;
*)
	sed -n '/^#$/,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
