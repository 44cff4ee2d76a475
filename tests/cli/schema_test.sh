#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# docs/schema.json and the parser take and refuse the same settings.
. "$(dirname "$0")/lib.sh"

# Is this object valid by the schema?
valid() {
	python3 - "$1" <<-'EOT'
	import json, sys, jsonschema
	schema = json.load(open("docs/schema.json"))
	try:
	    jsonschema.validate({"p": json.loads(sys.argv[1])}, schema)
	except jsonschema.ValidationError:
	    sys.exit(1)
	EOT
}

# Does the parser take it? It says otherwise before anything runs.
taken() {
	! build/tinykvm call build/programs/hello --config "$1" 2>&1 |
	    grep -q '^tinykvm: configure: '
}

ours_are_valid() {
	python3 - build/compute.json build/demo.json <<-'EOT'
	import json, re, sys, jsonschema
	for name in sys.argv[1:]:
	    text = open(name).read()
	    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/',
	                  lambda m: m.group(1) or "", text, flags=re.S)
	    jsonschema.validate(json.loads(text),
	                        json.load(open("docs/schema.json")))
	EOT
}

right_for_both() {
	for json in '{}' '{"concurrency": 1}' '{"concurrency": 255}' \
	    '{"max_request_time": 0.5}' '{"ephemeral": false}' \
	    '{"environment": ["A=b"], "main_arguments": ["", "x"]}' \
	    '{"allowed_paths": ["/etc/hosts", {"real": "/a", "prefix": true}]}' \
	    '{"server": {"port": 80}}' '{"server": {"path": "/x"}}' '{"server": {}}' \
	    '{"warmup": {}}' '{"warmup": {"num_requests": 5, "exact": true}}' \
	    '{"download": [{"uri": "http://a/", "filepath": "/a"}]}' \
	    '{"hugepages": true, "verbose": false}' '{"storage": false}' \
	    '{"remapping": ["0xC000000000", 64]}' '{"smp": 4}' \
	    '{"executable_remapping": {"a": ["7f0000000000", "0x7f0000200000"]}}' \
	    '{"blackout_area": []}' '{"executable_heap": true}'; do
		valid "$json" || { echo "schema refuses $json"; return 1; }
		taken "$json" || { echo "parser refuses $json"; return 1; }
	done
}

wrong_for_both() {
	for json in '{"concurency": 1}' '{"concurrency": 0}' \
	    '{"concurrency": 256}' '{"concurrency": 1.5}' \
	    '{"concurrency": "1"}' '{"max_request_time": true}' \
	    '{"max_request_time": -1}' '{"ephemeral": 1}' \
	    '{"environment": "A=b"}' '{"environment": [1]}' \
	    '{"allowed_paths": [{}]}' '{"allowed_paths": [1]}' \
	    '{"allowed_paths": [{"real": "/a", "reel": "/b"}]}' \
	    '{"server": {"port": 0}}' \
	    '{"server": {"port": 1, "path": "/x"}}' \
	    '{"server": {"port": 1, "prot": 2}}' \
	    '{"warmup": {"num_requests": 0}}' '{"warmup": {"urk": "/"}}' \
	    '{"download": [{"uri": "http://a/"}]}' '{"download": ["/a"]}' \
	    '{"remapping": ["0xC000000000"]}' '{"remapping": [1, 2]}' \
	    '{"blackout_area": {"a": ["0xg", 2]}}' '{"executable_heap": 1}' \
	    '{"sha256": "12"}' '{"hugepages": []}'; do
		! valid "$json" || { echo "schema takes $json"; return 1; }
		! taken "$json" || { echo "parser takes $json"; return 1; }
	done
}

for check in ours_are_valid right_for_both wrong_for_both; do
	if ! python3 -c 'import jsonschema' 2>/dev/null; then
		skip "schema_$check" "there is no python3-jsonschema"
		continue
	fi
	begin "schema_$check"
	expect_status 0 "$check"
	[ "$bad" = 0 ] || cat "$OUT"
	end
done
finish
