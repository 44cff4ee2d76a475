#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kill_test.sh: varnishd's worker process is killed again and again while two
# programs count, one with a snapshot of its storage, one in its state file:
# every count that a client got is there afterwards. Kills every second or, when
# the computer is slow, as soon as both programs have counted again.
# TKVM_KILLS: how often; 6 otherwise, 600 are ten minutes.
. "$(dirname "$0")/lib.sh"
. tools/kvm-open
. tools/stage
PATH=$PATH:/usr/sbin
kills=${TKVM_KILLS:-6}
programs="snapshot state"
manager='' clients=''

clean() {
	# shellcheck disable=SC2086
	[ -z "$clients" ] || kill $clients 2>/dev/null
	[ -z "$manager" ] || kill "$manager" 2>/dev/null
	# shellcheck disable=SC2046
	wait $(jobs -p) 2>/dev/null
	kvm_close
	unstage
	rm -rf "$work"
}
trap clean EXIT

# One request after the other, as long as there is somebody; counts to a file.
client() {
	while :; do
		curl -sf -m 10 --unix-socket "$work/http" "http://$1/" \
		    >>"$work/$1.counts" || sleep 0.05
	done
}

# What was acknowledged last, and how often one came behind another that was
# not smaller.
last() {
	tail -n 1 "$work/$1.counts" 2>/dev/null || echo 0
}
disorder() {
	awk '$1 <= before { n++ } { before = $1 } END { print n + 0 }' \
	    "$work/$1.counts"
}

start() {
	mkdir -m 777 "$work/programs"
	chmod 755 "$work"
	cp "$stage_at/programs/storage_counter" "$work/programs/snapshot"
	cp "$stage_at/tests/guests/state_counter" "$work/programs/state"
	cat >"$work/vcl" <<-VCL
	vcl 4.1;
	import tinykvm from "$stage_at/libvmod_tinykvm.so";
	backend default none;
	sub vcl_init {
		tinykvm.configure("snapshot", {"{ "storage": true,
		    "filename": "$work/programs/snapshot",
		    "storage_snapshot": 0 }"});
		tinykvm.configure("state", {"{ "storage": true,
		    "filename": "$work/programs/state" }"});
	}
	sub vcl_recv {
		return (pass);
	}
	sub vcl_backend_fetch {
		set bereq.backend = tinykvm.program(bereq.http.host, "/");
	}
	VCL
	varnishd -F -n "$work/varnish" -a "$work/http,mode=0666" -T none \
	    -s malloc,16m -f "$work/vcl" >"$work/log" 2>&1 9>&- &
	manager=$!
	for p in $programs; do
		: >"$work/$p.counts"
		client $p &
		clients="$clients $!"
	done
}

# Until both have counted beyond what they had; 0 when they have.
counted() {
	for _ in $(seq 600); do
		[ "$(last snapshot)" = "$1" ] || [ "$(last state)" = "$2" ] ||
		    return 0
		sleep 0.1
	done
	wrong "nobody counts any more: $(tail -n 3 "$work/log")"
	return 1
}

if ! [ -x build/tests/guests/state_counter ]; then
	skip every_acknowledged_count_survives_kills \
	    "there is no state_counter; make kvm-tests"
elif needs_kvm every_acknowledged_count_survives_kills; then
	begin every_acknowledged_count_survives_kills
	stage
	kvm_open
	start
	for _ in $(seq "$kills"); do
		counted "$(last snapshot)" "$(last state)" || break
		sleep 1
		child=$(cat "/proc/$manager/task/$manager/children")
		# shellcheck disable=SC2086
		kill -KILL $child
	done
	counted "$(last snapshot)" "$(last state)"
	for p in $programs; do
		[ "$(disorder $p)" = 0 ] ||
		    wrong "$p went back $(disorder $p) times"
	done
	for f in "$work"/programs/*.refused "$work"/programs/*.damaged; do
		[ ! -e "$f" ] || wrong "$f was put aside"
	done
	[ "$(find "$work/programs" -name '*.new*' | wc -l)" -le 2 ] ||
	    wrong "copies pile up"
	echo "$kills kills; $(last snapshot) and $(last state) counts"
	end
fi
finish
