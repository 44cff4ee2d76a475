#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Programs that remember, through varnishd with 8 connections that never rest:
# no count is lost or given twice, in shared memory, in storage, and while the
# program is replaced again and again; memory and descriptors do not grow.
# SOAK_REQUESTS=1000000 SOAK_UPDATES=1000 for the long form (make soak).
. "$(dirname "$0")/lib.sh"
. tools/kvm-open
. tools/stage
. tools/serve
PATH=$PATH:/usr/sbin
requests=${SOAK_REQUESTS:-10000}
updates=${SOAK_UPDATES:-20}
load=build/tests/bench/load
trap 'unserve; kvm_close; unstage; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

write_vcl() {
	cat <<-EOF
	vcl 4.1;
	import tinykvm from "$stage_at/libvmod_tinykvm.so";
	backend default none;
	sub vcl_init {
		tinykvm.configure("shared", {"{ "shared_memory": 1,
			"filename": "$stage_at/programs/shared_counter",
			"concurrency": 4 }"});
		tinykvm.configure("stored", {"{ "storage": true,
			"filename": "$work/program/counter",
			"concurrency": 4, "key": "soak" }"});
	}
	sub vcl_recv {
		if (req.url == "/") { return (synth(200)); }
		return (pass);
	}
	sub vcl_backend_fetch {
		if (bereq.http.X-Update-Key) {
			set bereq.backend = tinykvm.live_update("stored",
			    bereq.http.X-Update-Key);
		} else {
			set bereq.backend = tinykvm.program(
			    regsub(bereq.url, "^/", ""), "/");
		}
	}
	EOF
}

start() {
	port=$(/usr/bin/python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
	# Its state file, too: the counter begins at 0.
	rm -rf "$work/program" "$work/varnish"
	mkdir "$work/program"
	cp build/programs/storage_counter "$work/program/counter"
	chmod -R a+rwX "$work"
	write_vcl >"$work/soak.vcl"
	serve "$work/soak.vcl" || exit 1
	read -r child _ <"/proc/$varnishd_pid/task/$varnishd_pid/children"
}

# Of varnishd's child: KiB of its own and of what its machines map; files open.
# On tmpfs its log counts, too, which serve() keeps small.
memory() {
	awk '/^(RssAnon|RssShmem):/ { n += $2 } END { print n }' \
	    "/proc/$child/status"
}
files() {
	find "/proc/$child/fd" | wc -l
}

count_all() {
	expect_status 0 $load "$port" "/$1" 8 "$requests"
	echo "$1: $(cat "$OUT")"
}

update() {
	$tool push build/programs/storage_counter --key soak --timeout 60 \
	    --to "http://127.0.0.1:$port/update" >"$work/push" 2>&1 ||
	    wrong "update $1: $(cat "$work/push")"
}

# Replace the program under load; the figures after a tenth of the updates are
# what it is to stay at.
update_all() {
	mkfifo "$work/go"
	$load "$port" /stored 8 0 <"$work/go" >"$OUT" 2>"$ERR" &
	client=$!
	exec 7>"$work/go"
	for i in $(seq "$updates"); do
		update "$i"
		[ "$i" != $((updates / 10 + 1)) ] || {
			memory_1=$(memory)
			files_1=$(files)
		}
	done
	memory_2=$(memory)
	files_2=$(files)
	exec 7>&-
	wait "$client" || wrong "$(cat "$OUT" "$ERR")"
	echo "stored, $updates updates: $(cat "$OUT")"
	echo "memory: $memory_1 KiB, then $memory_2 KiB;" \
	    "files: $files_1, then $files_2"
	[ "$memory_2" -le $((memory_1 + memory_1 / 4 + 16384)) ] ||
	    wrong "memory grew from $memory_1 to $memory_2 KiB"
	[ "$files_2" -le $((files_1 + 64)) ] ||
	    wrong "from $files_1 to $files_2 open files"
}

if ! [ -x $load ] || ! command -v varnishd >/dev/null; then
	skip soak "there is no varnishd or $load"
	finish
elif ! needs_kvm soak; then
	finish
fi
stage
kvm_open
start
begin shared_memory_counts_each_request_once
count_all shared
end
begin storage_counts_each_request_once
count_all stored
end
unserve
start
begin updates_under_load_lose_nothing
update_all
end
finish
