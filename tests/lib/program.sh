# SPDX-License-Identifier: BSD-2-Clause
# Sourced by programs/NAME/test.sh after tests/cli/lib.sh: runs the program both
# in a shell and in a machine, which must give the same bytes.
#
#	both STATUS INPUT-FILE OPTIONS	the answer's body in $OUT
#	refused STATUS INPUT-FILE OPTIONS "words of the reason"
program=$(basename "$(dirname "$0")")
binary=$PWD/build/programs/$program
type=application/octet-stream

# In a machine: body in $OUT, status and header in $ERR.
in_machine() {
	"$tool" call "$binary" --post "$1" --type "$type" --arg "$2" \
	    ${settings:+--config "$settings"} >"$OUT" 2>"$ERR"
}

both() {
	if [ "$1" = 200 ]; then
		"$binary" "$3" <"$2" >"$work/native" 2>"$ERR" ||
		    wrong "in a shell: $(head -c 400 "$ERR")"
	else
		! "$binary" "$3" <"$2" >"$work/native" 2>"$ERR" ||
		    wrong "no failure in a shell"
		grep -q "^$program: $1: " "$ERR" ||
		    wrong "in a shell not $1: $(head -c 400 "$ERR")"
	fi
	[ -n "$kvm" ] || { cp "$work/native" "$OUT"; return 0; }
	in_machine "$2" "$3"
	grep -q "^status $1\$" "$ERR" ||
	    wrong "not status $1: $(head -c 200 "$ERR"): $(head -c 400 "$OUT")"
	[ "$1" != 200 ] || cmp -s "$OUT" "$work/native" ||
	    wrong "the machine's answer differs from the shell's"
}

refused() {
	both "$1" "$2" "$3"
	[ -n "$kvm" ] || cp "$ERR" "$OUT"
	has "$OUT" "$4"
}

# What every program owes: its schema, and options refused by name.
common_promises() {
	begin schema_is_valid_and_complete
	expect_status 0 "$binary" --schema
	python3 -c 'import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
assert schema["additionalProperties"] is False
readme = open(sys.argv[2]).read()
for name in schema["properties"]:
    assert name == "onerror" or f"`{name}`" in readme, name' \
	    "$OUT" "programs/$program/README.md" 2>"$ERR" ||
	    wrong "$(tail -n 1 "$ERR")"
	end
	begin unknown_option_is_refused_by_name
	refused 400 /dev/null '{"no_such_option": 1}' '"no_such_option"'
	end
	begin broken_json_is_refused
	refused 400 /dev/null '{"a": ' "no valid JSON"
	end
}

# Without any extension of the instruction set: the same answer.
plain_x86_64() {
	qemu-x86_64 -cpu qemu64 "$binary" "$2" <"$1" >"$OUT" 2>"$ERR" ||
	    wrong "on a plain x86-64: $(head -c 400 "$ERR")"
	"$binary" "$2" <"$1" | cmp -s - "$OUT" ||
	    wrong "on a plain x86-64 the answer is another"
}
