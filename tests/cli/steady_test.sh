#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# After warm-up a request costs nothing that it need not.
. "$(dirname "$0")/lib.sh"
programs=build/programs

# number TEXT: the first number behind TEXT in what --stats printed.
number() {
	sed -n "s/^$1 *\([0-9.]*\).*/\1/p" "$ERR"
}

if needs_kvm hello_is_one_exit_no_fault_few_pages; then
	begin hello_is_one_exit_no_fault_few_pages
	expect_status 0 $tool call $programs/hello --repeat 10000 --stats
	[ "$(number exits)" = 1.000 ] || wrong "exits: $(number exits)"
	[ "$(number 'page faults')" = 0.000 ] ||
	    wrong "page faults: $(number 'page faults')"
	number 'pages copied' | awk '{ exit !($1 > 0 && $1 <= 20) }' ||
	    wrong "pages copied: $(number 'pages copied')"
	end
fi

# calls_of N: ioctl(KVM_RUN) and other system calls of the thread that sends
# N requests.
calls_of() {
	strace -qq -e signal=none -o "$work/trace" \
	    $tool call $programs/hello --repeat "$1" >/dev/null 2>&1
	runs=$(grep -c 'KVM_RUN' "$work/trace")
	others=$(grep -vc 'KVM_RUN' "$work/trace")
}

if ! command -v strace >/dev/null; then
	skip requests_cost_kvm_run_only "there is no strace"
elif needs_kvm requests_cost_kvm_run_only; then
	begin requests_cost_kvm_run_only
	calls_of 1000
	runs_1=$runs others_1=$others
	calls_of 2000
	[ $((runs - runs_1)) = 1000 ] ||
	    wrong "1000 more requests: $((runs - runs_1)) more KVM_RUN"
	# Start-up takes locks that may or may not have to wait: futex calls.
	[ $((others - others_1)) -le 8 ] ||
	    wrong "1000 more requests: $((others - others_1)) other calls"
	end
fi
finish
