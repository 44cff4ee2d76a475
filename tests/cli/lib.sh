# SPDX-License-Identifier: BSD-2-Clause
# Sourced by each test of the tools: counts, and speaks as the C harness does.
#
#	. tests/cli/lib.sh
#	begin property_in_words
#	expect_status 0 COMMAND...
#	has OUT "text"
#	end
#	finish
cd "$(dirname "$0")/../.." || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Debian's python3 has the modules of Debian's packages; another one may be in
# front of it, and slow to start.
PATH=/usr/bin:$PATH
tool=build/tinykvm
OUT=$work/out ERR=$work/err
passed=0 failed=0 skipped=0 name='' bad=0
kvm=yes
[ -r /dev/kvm ] && [ -w /dev/kvm ] || kvm=

begin() {
	name=$1 bad=0
}

wrong() {
	echo "$0: $name: $*"
	bad=1
}

# Run a command; its output is then in the files $OUT and $ERR.
expect_status() {
	want=$1
	shift
	"$@" >"$OUT" 2>"$ERR" </dev/null
	got=$?
	[ "$got" = "$want" ] ||
	    wrong "$* ended with $got, not $want: $(head -c 400 "$ERR")"
}

has() {
	grep -qF -e "$2" "$1" ||
	    wrong "no \"$2\" in: $(head -c 400 "$1")"
}

# One sentence on standard error, nothing on standard output.
one_sentence() {
	[ "$(wc -l <"$ERR")" = 1 ] || wrong "not one line: $(cat "$ERR")"
	[ ! -s "$OUT" ] || wrong "standard output: $(head -c 400 "$OUT")"
}

end() {
	if [ "$bad" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		echo "FAIL $name"
	fi
}

skip() {
	skipped=$((skipped + 1))
	skip_name=$1
	shift
	echo "skip $skip_name: $*"
}

# Whether a test that needs machines can be done; counts it when not.
needs_kvm() {
	[ -z "$kvm" ] || return 0
	skip "$1" "there is no /dev/kvm that this user may open"
	return 1
}

finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}
