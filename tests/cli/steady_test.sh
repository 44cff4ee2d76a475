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

# calls_of N: what a tool that sends N requests asks the kernel for: KVM_RUN in
# all threads, in the first one, and other system calls of the first one. Where
# changing threads is dear for a vCPU (the tool measures it at its start), each
# machine has its own thread: handing over and back are futex calls then. Where
# the processor's clock cannot be trusted, reading it is a call, too.
calls_of() {
	strace -f -qq -e signal=none -o "$work/trace" \
	    $tool call $programs/hello --repeat "$1" >/dev/null 2>&1
	awk 'NR == 1 { first = $1 }
	    /KVM_RUN/ { runs++; if ($1 == first) own++; next }
	    /resumed>/ || /clock_gettime/ || $1 != first { next }
	    /futex/ { waits++; next }
	    { others++ }
	    END { print runs + 0, own + 0, others + (own ? waits : 0) }' \
	    "$work/trace" >"$work/calls"
	read -r runs own others <"$work/calls"
}

if ! command -v strace >/dev/null; then
	skip requests_cost_kvm_run_only "there is no strace"
elif needs_kvm requests_cost_kvm_run_only; then
	begin requests_cost_kvm_run_only
	for try in 1 2 3 4 5; do
		calls_of 1000
		runs_1=$runs own_1=$own others_1=$others
		calls_of 2000
		# Both with threads of their own or none, or they do not compare.
		[ $((own == 0)) != $((own_1 == 0)) ] || break
	done
	[ $((runs - runs_1)) = 1000 ] ||
	    wrong "1000 more requests: $((runs - runs_1)) more KVM_RUN"
	# Start-up takes locks that may or may not have to wait: futex calls.
	[ $((others - others_1)) -le 8 ] ||
	    wrong "1000 more requests: $((others - others_1)) other calls"
	end
fi
finish
