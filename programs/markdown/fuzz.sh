#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh [ROUNDS]: markdown over mutated documents, with sanitizers.
. "$(dirname "$0")/../../tests/cli/lib.sh"
fuzzer=$PWD/build/asan/markdown_fuzz
cat CONTRIBUTING.md programs/markdown/sample.md >"$work/doc.md"
cd "$work" || exit 2
begin mutations_end_in_html_or_a_reason
for options in '{}' '{"html": "allow", "smart": true, "document": true}' \
    '{"format": "text"}'; do
	expect_status 0 "$fuzzer" "${1:-10000}" "$options" doc.md
done
end
finish
